"""The reference of the base image, as ``FROM`` understands it."""

from collections.abc import Iterator

from byoc_kit.errors import UsageError
from byoc_kit.oci.reference import parse_image
from byoc_kit.oci.short import SHORT, parse_short
from byoc_kit.spec.mistake import Mistake, View

__all__ = ["check_base"]

KEY = ("image", "base")


def check_base(view: View) -> Iterator[Mistake]:
    """Whether [image] base names an image that a build can start from."""
    base = view.text(*KEY)
    if base is None:
        return
    if base.startswith(SHORT):
        yield from _wrong_short(base)
    elif (why := _not_a_base(base)) is not None:
        yield Mistake(
            key=KEY,
            what="this is not the reference of an image to build on",
            why=why,
            fix="write [registry/]repository[:tag][@sha256:...], the name of an image in the local engine, "
            "oci:DIR or archive:FILE",
            id="BYOC-E113",
        )


def _wrong_short(base: str) -> Iterator[Mistake]:
    """BYOC-E112 where *base* is no short name; which image it means is found where it is used."""
    try:
        parse_short(base)
    except UsageError as error:
        yield Mistake(key=KEY, what=error.what, why=error.why, fix=error.fix, id=error.id)


def _not_a_base(base: str) -> str | None:
    """Why no build can start from *base*; None: it can."""
    if base == "scratch":
        return "an empty image has no Python, and the entry program needs one"
    try:
        # In FROM, docker:24 is the repository docker; only on byoc's command line "docker:" means the engine.
        parse_image(f"library/{base}" if base.startswith("docker:") else base)
    except UsageError as error:
        return error.why
    return None
