"""Paths that byoc.toml names: of the project, and in the image."""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from byoc_kit.spec.mistake import Mistake, View
from byoc_kit.spec.parse import Key

__all__ = ["check_paths", "is_inside", "sources"]

RESERVED = {
    "/opt/ml": "SageMaker mounts its own folders there and keeps it for itself (IMG-07)",
    "/opt/byoc": "the entry program and the server are there",
    "/dev": "the container engine mounts it when the container starts",
    "/proc": "the container engine mounts it when the container starts",
    "/sys": "the container engine mounts it when the container starts",
}
"""Folders of the image that are somebody else's, and why."""

SINGLE = (
    ("python", "requirements-file"),
    ("train", "source"),
    ("train", "program"),
    ("serve", "source"),
    ("serve", "program"),
    ("serve", "model"),
    ("process", "source"),
    ("process", "program"),
    ("build", "dockerfile"),
    ("verify", "request"),
)
"""Keys whose value is a path of the project, or, for programs, of the folder that is their source."""


def check_paths(view: View) -> Iterator[Mistake]:
    """Paths that leave the project, and places in the image that are taken."""
    for key, text in _project_paths(view):
        if (why := _outside(text)) is not None:
            yield _climbs(key, text, why)
    for dest in view.table("files"):
        yield from _check_dest(dest)


def is_inside(text: str) -> bool:
    """Whether *text* is a path that stays below the folder it starts from, as far as its letters say."""
    return _outside(text) is None


def sources(view: View) -> Iterator[tuple[Key, str]]:
    """What [files] takes from the project, each with its key."""
    for dest, entry in view.table("files").items():
        if isinstance(entry, dict):
            if isinstance(entry.get("source"), str) and entry["source"]:
                yield ("files", dest, "source"), entry["source"]
        elif isinstance(entry, str) and entry:
            yield ("files", dest), entry


def _project_paths(view: View) -> Iterator[tuple[Key, str]]:
    for single in SINGLE:
        if text := view.text(*single):
            yield single, text
    yield from sources(view)
    yield from view.texts("python", "packages")
    yield from view.texts("train", "channels")
    yield from view.texts("verify", "channels")
    yield from view.texts("process", "inputs")


FAULTS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda text: "\0" in text or "\n" in text, "a path has neither line ends nor NUL characters"),
    (lambda text: "\\" in text, "paths are written with '/', on every system"),
    (
        lambda text: text.startswith("/") or text[1:3] == ":/",
        "an absolute path is right on one machine only",
    ),
    (
        lambda text: "://" in text,
        "what is at an address is fetched for a run, and is not part of the project",
    ),
    (lambda text: text.startswith("~"), "a home folder is not part of the project"),
    (
        lambda text: ".." in PurePosixPath(text).parts,
        "'..' climbs out of the folder; what is built must be in the project",
    ),
)
"""What leads out of a folder, and why."""


def _outside(text: str) -> str | None:
    """Why *text* does not stay inside; None: it does."""
    return next((why for leads_out, why in FAULTS if leads_out(text)), None)


def _climbs(key: Key, text: str, why: str) -> Mistake:
    if key[:2] == ("train", "channels"):
        fix = f"`byoc run train --channel {key[2]}=PATH` takes data from anywhere, also from s3://"
    elif key[:2] == ("process", "inputs"):
        fix = f"`byoc run process --input {key[2]}=PATH` takes data from anywhere on this machine"
    else:
        fix = "move or copy it into the project and write its path from the folder of byoc.toml"
    return Mistake(key=key, what=f"{text!r} is not inside the project", why=why, fix=fix, id="BYOC-E110")


def _check_dest(dest: str) -> Iterator[Mistake]:
    key = ("files", dest)
    path = PurePosixPath(dest)
    if not dest.startswith("/") or ".." in path.parts or path == PurePosixPath("/") or not dest.isprintable():
        yield Mistake(
            key=key,
            what=f"{dest!r} is not a place in the image",
            why="a destination is an absolute path without '..'",
            fix='write for example "/opt/acme/vocabulary.txt" = "data/vocabulary.txt"',
            id="BYOC-E111",
        )
    for folder, why in RESERVED.items():
        if path.is_relative_to(folder):
            yield Mistake(
                key=key,
                what=f"{folder} is not for files of an image",
                why=why,
                fix="choose another place, for example below /opt/program or /usr/share",
                id="BYOC-E111",
            )
