"""``byoc explain``."""

import textwrap

import click

from byoc_kit.cli.common import emit, json_option

__all__ = ["explain"]

WIDTH = 88  # characters


@click.command(epilog="Example: byoc explain BYOC-E505; byoc explain IMG-02")
@click.argument("name", metavar="[ID]", required=False)
@json_option
def explain(name: str | None, as_json: bool) -> None:
    """An error or a clause of the contract in full; without ID, the list of all of them."""
    from byoc_kit.work.explain import explain as find
    from byoc_kit.work.explain import known_ids

    found = [find(name)] if name else list(known_ids())
    data = [{"id": each.id, "title": each.title, "text": each.text} for each in found]
    if name:
        body = "\n".join(textwrap.fill(line, WIDTH) for line in found[0].text.splitlines())
        text = f"{found[0].id}: {found[0].title}\n\n{body}"
    else:
        text = "\n".join(f"{each.id:<12}{each.title}" for each in found)
    emit(text, {"schema": "byoc/explain/1", "explanations": data}, as_json=as_json)
