"""``byoc render``."""

from pathlib import Path

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

__all__ = ["render"]


@click.command(epilog="Example: byoc render --out context && docker build context")
@file_option
@json_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write a folder that plain `docker build` (BuildKit) turns into the same image.",
)
@click.option(
    "--eject", is_flag=True, help="Write the templates to templates/, to edit them; overwrites nothing."
)
def render(file: Path | None, as_json: bool, out: Path | None, eject: bool) -> None:
    """Print the Dockerfile of this project, or write it with all files it needs to a folder.

    A project changes one block by a file templates/STYLE.j2 that starts with {% extends "byoc/STYLE.j2" %}.
    """
    from byoc_kit.work.project import load
    from byoc_kit.work.render import eject as eject_templates
    from byoc_kit.work.render import render_project, write_folder

    if out and eject:
        raise click.UsageError("--out and --eject exclude each other.")
    project = load(file)
    if eject:
        paths = [str(path) for path in eject_templates(project)]
        emit("\n".join(paths), {"schema": "byoc/files/1", "files": paths}, as_json=as_json)
        return
    rendered = render_project(project, talk=talk())
    if out is None:
        files = [str(item.path) for item in rendered.context]
        data = {"schema": "byoc/rendered/1", "dockerfile": rendered.dockerfile, "files": files}
        emit(rendered.dockerfile.rstrip("\n"), data, as_json=as_json)
        return
    write_folder(project, rendered, out)
    emit(str(out), {"schema": "byoc/files/1", "files": [str(out)]}, as_json=as_json)
