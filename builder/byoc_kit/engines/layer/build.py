"""The layers of a plan: libraries first, user code last, so that editing it moves only the last layer."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from byoc_kit.engines.layer.conflict import refuse_blocked
from byoc_kit.engines.layer.entries import OLD, Body, File, Inline, OnDisk
from byoc_kit.engines.layer.ground import Ground
from byoc_kit.engines.layer.libraries import Libraries, libraries
from byoc_kit.engines.layer.made import MadeLayer, make_layer
from byoc_kit.engines.layer.materials import Materials
from byoc_kit.engines.layer.tree import entries, stale, whiteouts
from byoc_kit.errors import ByocError
from byoc_kit.plan.types import FileEntry, FilesStep, Plan
from byoc_kit.spec.lock import Lock
from byoc_kit.store import Store
from byoc_kit.talk import Talk

__all__ = ["LARGE", "build_layers"]

LARGE: Final = 100_000_000  # bytes of a wheel that gets a layer of its own: it changes rarely, and alone
MOST: Final = 6  # such layers; runtimes stack no more than about 125 in all, and unpack them one by one


def build_layers(
    plan: Plan,
    lock: Lock | None,
    materials: Materials,
    *,
    store: Store,
    talk: Talk,
    single_member: bool = False,
) -> tuple[MadeLayer, ...]:
    """Make the new layers of *plan*, lowest first; those known from before are not made again.

    *lock* None: no wheels. Raises ByocError: BYOC-E320 to BYOC-E331, each before anything was sent anywhere.
    """
    ground = Ground(materials.index)
    added = libraries(lock, materials, ground, talk) if lock is not None and lock.wheels else None

    def made(files: list[File], hidden: frozenset[str], title: str) -> MadeLayer:
        talk.say(f"layer: {title}")
        return make_layer(
            entries(files, hidden, ground),
            created_by=f"byoc {title}",
            store=store,
            single_member=single_member,
        )

    layers = [made(*parts) for parts in _library_layers(added)] if added else []
    written = {file.path for files in added.files.values() for file in files} if added else set[str]()
    for step in plan.steps:
        if isinstance(step, FilesStep):
            files = [_file(each, materials, ground) for each in step.files]
            paths = {file.path for file in files}
            refuse_blocked(dict.fromkeys(paths, "the project"), frozenset(), ground)
            hidden = whiteouts(stale(paths, written, ground), paths, (), ground)
            layers.append(made(files, hidden, step.layer))
            written |= paths
    return tuple(layers)


def _library_layers(added: Libraries) -> Iterator[tuple[list[File], frozenset[str], str]]:
    """Files, whiteouts and title of each: the large wheels one by one, then all others with the whiteouts."""
    by_size = sorted((-size, name) for name, size in added.sizes.items() if size >= LARGE)
    alone = sorted(name for _, name in by_size[:MOST])
    for name in alone:
        yield list(added.files[name]), frozenset(), added.titles[name]
    rest = {name: files for name, files in added.files.items() if name not in alone}
    if rest or added.hidden:
        yield [file for files in rest.values() for file in files], added.hidden, _title(rest, added)


def _title(rest: Mapping[str, object], added: Libraries) -> str:
    names = [added.titles[name] for name in rest]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"{', '.join(names[:8])}{more}" if names else "without what large wheels replace"


def _file(entry: FileEntry, materials: Materials, ground: Ground) -> File:
    return File(ground.physical(str(entry.dest)), entry.mode, OLD, _body(entry, materials))


def _body(entry: FileEntry, materials: Materials) -> Body:
    found = materials.contents(entry.content)
    try:
        if isinstance(found, Path) and not entry.unix_lines:
            return _measured(found)
        data = found.read_bytes() if isinstance(found, Path) else found
    except OSError as error:
        raise ByocError(
            f"{error.filename or entry.dest} cannot be put into the image",
            why=error.strerror or str(error),
            fix="correct its permissions, or leave it out with .dockerignore",
            id="BYOC-E327",
        ) from error
    return Inline(data.replace(b"\r\n", b"\n") if entry.unix_lines else data)


def _measured(path: Path) -> OnDisk:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return OnDisk(path, file.tell(), digest)
