"""Where a build puts the image: ``docker``, ``registry``, ``oci:DIR`` or ``docker-archive:FILE``."""

from byoc_kit.errors import UsageError
from byoc_kit.plan.types import Output

__all__ = ["FORMS", "parse_output"]

FORMS = "docker, registry, oci:DIR or docker-archive:FILE"


def parse_output(text: str) -> Output:
    """*text* as the command line and byoc.toml write it. Raises UsageError (BYOC-E216)."""
    kind, colon, where = text.partition(":")
    if text == "docker":
        return Output(kind="docker")
    if text == "registry":
        return Output(kind="registry")
    if kind == "oci" and where:
        return Output(kind="oci", where=where)
    if kind == "docker-archive" and where:
        return Output(kind="docker-archive", where=where)
    raise UsageError(
        f"{text[:80]!r} is no output",
        why="it names a folder or a file after its colon" if colon else f"there are {FORMS}",
        fix="say --output oci:image, or --output registry (what [publish] repository names)",
        id="BYOC-E216",
    )
