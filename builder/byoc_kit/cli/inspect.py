"""``byoc inspect``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

if TYPE_CHECKING:
    from byoc_kit.inventory.files import FileIndex

__all__ = ["inspect"]


@click.command(
    epilog="""\b
Examples:
  byoc inspect                                     the last build of this project
  byoc inspect registry.example/team/base:1.4      no engine needed, nothing is run
  byoc inspect registry.example/team/base:1.4 --share
  byoc inspect docker:churn --files opt/program    what is in a folder of the image
"""
)
@click.argument("image", required=False)
@file_option
@json_option
@click.option("--platform", metavar="OS/ARCH", help="Of an image for several; else linux/amd64.")
@click.option("--all", "everything", is_flag=True, help="Also every system package, variable and label.")
@click.option("--share", is_flag=True, help="Keep it beside the image in its registry, for everybody.")
@click.option("--files", "folder", metavar="DIR", help="List the files below a folder of the image instead.")
def inspect(
    image: str | None, file: Path | None, as_json: bool, everything: bool, folder: str | None, **wishes: Any
) -> None:
    """What IMAGE holds: interpreters, packages, system, layers.

    Read from its layers, each once, without running or unpacking it; kept for the next time. IMAGE is
    docker:NAME, oci:DIR, archive:FILE or a name in a registry.
    """
    from byoc_kit.cli.inventory_text import files_text, inventory_text
    from byoc_kit.inventory.document import to_json
    from byoc_kit.work.inspect import inspect as do

    found = do(image, file, talk=talk(), **wishes)
    if folder is not None:
        listed = _listed(found.index, folder)
        data = {"schema": "byoc/files/1", "reference": found.inventory.reference, "files": listed}
        emit(files_text(listed), data, as_json=as_json)
    else:
        text = "" if as_json else inventory_text(found.inventory, everything=everything)
        emit(text, to_json(found.inventory), as_json=as_json)


def _listed(index: "FileIndex", folder: str) -> list[dict[str, object]]:
    """What is below *folder*, links to it followed."""
    top = index.resolve(folder.strip("/"))
    return [
        {
            "path": f"/{path}",
            "type": node.kind,
            "mode": f"{node.mode:04o}",
            "uid": node.uid,
            "gid": node.gid,
            "size": node.size,
            "mtime": node.mtime,
            "link": node.link,
            "layer": node.layer,
        }
        for path, node in index.walk(top)
    ]
