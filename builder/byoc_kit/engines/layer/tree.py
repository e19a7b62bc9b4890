"""The entries of one layer, in an order that every runtime understands. Pure.

Every directory that is touched has an entry with the base's attributes: without one, Docker makes it anew
with mode 0755 (``/tmp``!) and containerd does not. No path is there twice, none is both hidden and written,
nothing goes through a link.
"""

from collections.abc import Collection, Iterable, Iterator

from byoc_kit.engines.layer.entries import Entry, File, Whiteout
from byoc_kit.engines.layer.ground import Ground, folders_above, parents

__all__ = ["entries", "stale", "whiteouts"]


def entries(files: Collection[File], hidden: Iterable[str], ground: Ground) -> tuple[Entry, ...]:
    """Directories, whiteouts of *hidden*, *files*: each group sorted by path, parents first.

    Paths are physical, and each occurs once.
    """
    gone = sorted(hidden)
    touched = folders_above([*(file.path for file in files), *gone])
    return (
        *(ground.directory(folder) for folder in sorted(touched)),
        *map(Whiteout, gone),
        *sorted(files, key=lambda file: file.path),
    )


def stale(written: Collection[str], others: Collection[str], ground: Ground) -> Iterator[str]:
    """Byte code below, in the base or among a lower layer's *others*, of modules that are *written* anew."""
    modules: dict[str, list[str]] = {}
    for path in others:
        if path.endswith(".pyc"):
            folder, _, name = path.rpartition("/")
            module = f"{folder.removesuffix('__pycache__')}{name.partition('.')[0]}.py"
            modules.setdefault(module, []).append(path)
    for path in written:
        if path.endswith(".py"):
            yield from ground.byte_code(path)
            yield from modules.get(path, ())


def whiteouts(
    removed: Iterable[str], written: Collection[str], sites: Iterable[str], ground: Ground
) -> frozenset[str]:
    """What to hide so that *removed* is gone, given all paths that are *written*.

    A directory of which nothing is left is hidden as a whole, but only inside the physical *sites*: an empty
    one would be a namespace package there. What lies where something new is written is never hidden: a layer
    (or two) that says both ``.wh.foo`` and ``foo/x`` cannot be pulled.
    """
    kept = frozenset(written)
    occupied = folders_above(kept).keys()
    taken = kept | occupied
    gone = {path for path in removed if path not in taken and not _covered(path, kept)}
    clearing = _Clearing(gone, occupied, tuple(f"{site}/" for site in sites), ground)
    return frozenset(map(clearing.highest, gone))


def _covered(path: str, kept: Collection[str]) -> bool:
    """Whether a new file takes the place of a directory above *path*."""
    return any(folder in kept for folder in parents(path))


class _Clearing:
    """Which directories lose everything they hold."""

    def __init__(
        self, gone: Collection[str], occupied: Collection[str], sites: tuple[str, ...], ground: Ground
    ) -> None:
        self._gone, self._occupied, self._sites, self._ground = gone, occupied, sites, ground
        self._emptied: dict[str, bool] = {}

    def highest(self, path: str) -> str:
        """*path*, or the highest directory above it, inside a site, of which nothing is left."""
        best = path
        for folder in parents(path):
            if not folder.startswith(self._sites) or not self._is_emptied(folder):
                return best
            best = folder
        return best

    def _is_emptied(self, folder: str) -> bool:
        if folder not in self._emptied:
            self._emptied[folder] = folder not in self._occupied and all(
                path in self._gone for path in self._ground.below(folder)
            )
        return self._emptied[folder]
