"""The layers of a plan: libraries first, user code last, so that editing it moves only the last layer."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from byoc_kit.engines.layer.conflict import refuse_blocked
from byoc_kit.engines.layer.content import Reader
from byoc_kit.engines.layer.entries import OLD, Body, File, Inline, OnDisk
from byoc_kit.engines.layer.ground import Ground
from byoc_kit.engines.layer.libraries import Libraries, libraries
from byoc_kit.engines.layer.made import MadeLayer, make_layer
from byoc_kit.engines.layer.materials import Materials
from byoc_kit.engines.layer.startup import byte_code
from byoc_kit.engines.layer.tree import entries, stale, whiteouts
from byoc_kit.errors import ByocError
from byoc_kit.plan.types import FileEntry, FilesStep, Plan, PythonStep
from byoc_kit.spec.lock import Lock
from byoc_kit.store import Store
from byoc_kit.talk import Talk

__all__ = ["LARGE", "build_layers"]

LARGE: Final = 100_000_000  # bytes of a wheel that gets a layer of its own: it changes rarely, and alone
MOST: Final = 6  # such layers: runtimes unpack them one by one
STACKED: Final = (
    120  # layers of an image; overlay file systems take a few more (Linux, 128 lower directories)
)


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

    *lock* None: no wheels. *single_member*: for consumers that cannot read gzip of several members (SOCI
    before 0.14). Raises ByocError: BYOC-E320 to BYOC-E331, each before anything was sent anywhere.
    """
    stack = _Stack(Ground(materials.index), store, talk, single_member)
    added_files = tuple(_added_files(plan, materials, stack.ground))
    if lock is not None and lock.wheels:
        added = libraries(lock, materials, stack.ground, talk)
        room = STACKED - len(materials.inventory.layers or ()) - len(added_files) - 2
        for parts in _library_layers(added, min(MOST, max(room, 0))):
            stack.put(*parts)
        stack.put_byte_code(_mode(plan), added, [file for _, files in added_files for file in files])
    for title, files in added_files:
        stack.put_files(files, title)
    return tuple(stack.layers)


@dataclass
class _Stack:
    """The layers so far."""

    ground: Ground
    store: Store
    talk: Talk
    single_member: bool
    layers: list[MadeLayer] = field(default_factory=list)
    written: set[str] = field(default_factory=set)

    def put(self, files: Sequence[File], hidden: frozenset[str], title: str) -> None:
        made = make_layer(
            entries(files, hidden, self.ground),
            created_by=f"byoc {title}",
            store=self.store,
            single_member=self.single_member,
        )
        size = f"{made.descriptor.size / 1e6:.1f} MB"
        self.talk.say(f"layer: {title} ({size if made.fresh else f'{size}, made before'})")
        self.layers.append(made)
        self.written.update(file.path for file in files)

    def put_byte_code(self, mode: str, added: Libraries, program: list[File]) -> None:
        if mode == "none":
            return
        sources = (_source(file) for file in program if file.path.endswith(".py"))
        files = byte_code(mode, added, added.python, sources, store=self.store)
        if files:
            self.put(files, frozenset(), f"byte code ({len(files)} modules)")

    def put_files(self, files: Sequence[File], title: str) -> None:
        """Files of the plan; byte code of modules that they overwrite is hidden, below too."""
        paths = {file.path for file in files}
        refuse_blocked(dict.fromkeys(paths, "the project"), frozenset(), self.ground)
        self.put(files, whiteouts(stale(paths, self.written, self.ground), paths, (), self.ground), title)


def _mode(plan: Plan) -> str:
    return next((step.bytecode for step in plan.steps if isinstance(step, PythonStep)), "none")


def _library_layers(added: Libraries, most: int) -> Iterator[tuple[list[File], frozenset[str], str]]:
    """Files, whiteouts and title of each: the large wheels one by one, then all others with the whiteouts."""
    by_size = sorted((-size, name) for name, size in added.sizes.items() if size >= LARGE)
    alone = sorted(name for _, name in by_size[:most])
    for name in alone:
        yield list(added.files[name]), frozenset(), added.titles[name]
    rest = {name: files for name, files in added.files.items() if name not in alone}
    if rest or added.hidden:
        yield [file for files in rest.values() for file in files], added.hidden, _title(rest, added)


def _title(rest: Mapping[str, object], added: Libraries) -> str:
    names = [added.titles[name] for name in rest]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"{', '.join(names[:8])}{more}" if names else "without what large wheels replace"


def _added_files(plan: Plan, materials: Materials, ground: Ground) -> Iterator[tuple[str, list[File]]]:
    """Title and files of each layer of files."""
    for step in plan.steps:
        if isinstance(step, FilesStep):
            yield step.layer, [_file(entry, materials, ground) for entry in step.files]


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


def _source(file: File) -> bytes:
    """The text of a program of the plan."""
    with Reader(copy=False) as reader:
        return b"".join(piece for piece in reader(file.body) if isinstance(piece, bytes))
