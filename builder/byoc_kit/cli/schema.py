"""``byoc schema``: the JSON Schema of byoc.toml."""

from pathlib import Path

import click

__all__ = ["schema"]


@click.command(epilog="Example: byoc schema --out byoc.schema.json")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write it to FILE, and print FILE. Editors find it by a first line '#:schema ./FILE' in byoc.toml.",
)
def schema(out: Path | None) -> None:
    """Print the JSON Schema of byoc.toml: every key with its type, default and meaning.

    An editor that knows TOML (Even Better TOML, taplo) then completes keys and marks mistakes.
    """
    from byoc_kit.work.schema import schema_text, write_schema

    if out is None:
        click.echo(schema_text(), nl=False)
        return
    write_schema(out)
    click.echo(str(out))
