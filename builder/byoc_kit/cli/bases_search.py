"""``byoc bases search``."""

import click

from byoc_kit.cli.common import emit, json_option, talk

__all__ = ["search"]

PAGE = 20  # images shown unless all are asked for


@click.command(
    epilog="""\b
Examples:
  byoc bases search pytorch gpu training --python 3.12
  byoc bases search xgboost 1.7
  byoc bases search huggingface inference neuronx --json
"""
)
@click.argument("words", metavar="WORD...", nargs=-1)
@click.option("--python", metavar="X.Y", help="Only images with this Python.")
@click.option("--all", "everything", is_flag=True, help=f"All that fit; else the {PAGE} newest.")
@json_option
def search(words: tuple[str, ...], python: str | None, everything: bool, as_json: bool) -> None:
    """Prebuilt images that all WORDs describe, newest first.

    A word is (part of) a repository's name, a framework, a version or the begin of one, cpu or gpu, a target
    such as training or hosting, cu129, ubuntu22.04, arm64, ec2, or public for what needs no login.
    """
    from byoc_kit.cli.bases_text import rows, to_json
    from byoc_kit.work.bases import search as do
    from byoc_kit.work.bases import today

    found, day = do(words, python=python), today()
    shown = found if everything or as_json else found[:PAGE]
    data = {"schema": "byoc/bases/1", "images": [to_json(image, day) for image in found]}
    emit(rows(shown, day), data, as_json=as_json)
    if len(shown) < len(found):
        talk().note(f"{len(found) - len(shown)} more: add words, or --all")
    if not found:
        _nothing(words)


def _nothing(words: tuple[str, ...]) -> None:
    from byoc_kit.work.bases import unknown_words

    for word, near in unknown_words(words).items():
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        talk().note(f"no image is described by {word!r}{hint}")
    talk().note("nothing fits; try fewer words, or `byoc bases update`")
