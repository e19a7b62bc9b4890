"""What several hosts left becomes one model and one output, as the service merges them (OUT-02)."""

import filecmp
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.local.tree import HostTree, RunTree
from byoc_kit.talk import Talk

__all__ = ["Clash", "merge", "share_checkpoints"]

CHECKPOINTS = PurePosixPath("checkpoints")
OF_TRAINING = (PurePosixPath("model"), PurePosixPath("output/data"), CHECKPOINTS)
FEW = 5  # clashes that are told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A file that several hosts have left under one name."""

    path: PurePosixPath
    """Below /opt/ml, e.g. ``model/weights.bin``."""
    hosts: tuple[str, ...]
    """The first one's file is kept here."""
    same: bool
    """Whether they all hold the same bytes."""


def merge(
    tree: RunTree,
    hosts: Mapping[str, HostTree],
    talk: Talk,
    parts: Sequence[PurePosixPath] = OF_TRAINING,
) -> tuple[Clash, ...]:
    """Fill the folders *parts* of *tree* with what *hosts* left in theirs; the clashes, also told.

    In the cloud it is not known whose file of a name is kept; here it is the first host's, and of checkpoints
    the newest, which was the last to be written to S3 (OUT-07).
    """
    clashes = tuple(clash for part in parts for clash in _merge_part(tree, hosts, part))
    for clash in clashes[:FEW]:
        differ = "with the same bytes" if clash.same else "with different bytes"
        talk.warn(
            f"{clash.path} was written by {', '.join(clash.hosts)} {differ}; one of them is kept (OUT-02):"
            " let one host write it, or put the host's name into the file's"
        )
    if len(clashes) > FEW:
        talk.warn(f"{len(clashes) - FEW} more files were written by several hosts (OUT-02)")
    return clashes


def share_checkpoints(tree: RunTree, hosts: Mapping[str, HostTree]) -> None:
    """Give each of *hosts* the checkpoints of all, as they are put back from S3 (OUT-07)."""
    for _ in _merge_part(tree, hosts, CHECKPOINTS):
        pass
    for host in hosts.values():
        shutil.copytree(tree.checkpoints, host.checkpoints, dirs_exist_ok=True, copy_function=_copy_other)


def _copy_other(source: str, target: str) -> None:
    if not (os.path.exists(target) and os.path.samefile(source, target)):  # noqa: PTH110, PTH121 - of copytree
        shutil.copy2(source, target)


def _merge_part(tree: RunTree, hosts: Mapping[str, HostTree], part: PurePosixPath) -> Iterator[Clash]:
    owners: dict[PurePosixPath, list[str]] = {}
    for name, host in hosts.items():
        for path in _files(host.root / part):
            owners.setdefault(path, []).append(name)
    for path, names in sorted(owners.items()):
        files = [hosts[name].root / part / path for name in names]
        _take(max(files, key=_written) if part == CHECKPOINTS else files[0], tree.root / part / path)
        if len(names) > 1:
            same = all(_same(files[0], file) for file in files)
            yield Clash(path=part / path, hosts=tuple(names), same=same)


def _files(folder: Path) -> Iterator[PurePosixPath]:
    for path in folder.rglob("*"):
        if path.is_symlink() or path.is_file():
            yield PurePosixPath(path.relative_to(folder).as_posix())


def _written(file: Path) -> float:
    return file.lstat().st_mtime


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def _take(source: Path, target: Path) -> None:
    """Give *source* a second name; a copy where the disk cannot do that. Links stay links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() or target.is_symlink():
        target.unlink()
    try:
        if source.is_symlink():
            target.symlink_to(source.readlink())
        else:
            os.link(source, target)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
