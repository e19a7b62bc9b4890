"""The wheels of a lock as files at their places in the base, and what of the base must go for them."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from byoc_kit.engines.layer.conflict import Owned, refuse_base_conflicts, without_twins
from byoc_kit.engines.layer.content import Reader
from byoc_kit.engines.layer.entries import File
from byoc_kit.engines.layer.ground import Ground
from byoc_kit.engines.layer.materials import Materials
from byoc_kit.engines.layer.place import Placed, Target, place
from byoc_kit.engines.layer.replace import Replaced, removed, replaced
from byoc_kit.engines.layer.tree import stale, whiteouts
from byoc_kit.engines.layer.wheel import Wheel, read_wheel
from byoc_kit.errors import ByocError
from byoc_kit.inventory import Distribution, Inventory, Python
from byoc_kit.spec.lock import Lock, LockedWheel
from byoc_kit.talk import Talk

__all__ = ["Libraries", "libraries", "target_python"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """All that the wheels of a lock change in the base; physical paths."""

    files: dict[str, tuple[File, ...]]
    """By wheel (file name), in the order of the lock. Together no path occurs twice."""
    hidden: frozenset[str]
    """Whiteouts."""
    sizes: dict[str, int]
    """Bytes of each wheel."""
    titles: dict[str, str]
    """``numpy 2.4.6`` for each wheel."""
    requested: tuple[str, ...]
    """The wheels that a requirement of the user names."""
    python: Python
    """Whose environment it is."""
    sites: tuple[str, ...]
    """Its site-packages, physical."""


def libraries(lock: Lock, materials: Materials, ground: Ground, talk: Talk) -> Libraries:
    """What installing the wheels of *lock* means for the base of *materials*.

    Raises ByocError: BYOC-E320 to BYOC-E326 for what cannot stand together, BYOC-E329 where the base has not
    the Python that the lock was made for, BYOC-E331 where a wheel was not fetched.
    """
    python = target_python(lock, materials.inventory)
    target = Target(scheme=python.scheme, executable=python.executable)
    owned, gone = _placed(lock, materials, ground, target, python)
    folders = (ground.folder(str(folder)) for folder in (target.scheme.purelib, target.scheme.platlib))
    sites = tuple(dict.fromkeys(folders))
    files = without_twins(((ground.physical(each.file.path), each) for each in owned), sites, talk.warn)
    old = removed(gone, materials.inventory, ground)
    others = [each for each in materials.inventory.distributions or () if each not in gone]
    refuse_base_conflicts(files, old, target, ground, others)
    for path in _started_by_python(files, sites):
        talk.note(f"/{path} of {files[path].owner} runs whenever Python starts")
    for path in _not_on_path(files, target, materials.inventory, ground):
        talk.warn(f"/{path} of {files[path].owner} is a command in a folder that is not on the image's PATH")
    return Libraries(
        files=_by_wheel(files),
        hidden=whiteouts([*old, *stale(files, (), ground)], files.keys(), sites, ground),
        sizes={each.filename: _path(each, materials).stat().st_size for each in lock.wheels},
        titles={each.filename: f"{each.name} {each.version}" for each in lock.wheels},
        requested=tuple(each.filename for each in lock.wheels if each.direct),
        python=python,
        sites=sites,
    )


def target_python(lock: Lock, inventory: Inventory) -> Python:
    """The interpreter whose environment gets the wheels. Raises ByocError (BYOC-E329)."""
    for python in inventory.pythons or ():
        if python.executable == lock.base.executable and lock.base.python == ".".join(
            map(str, python.version[:2])
        ):
            return python
    known = ", ".join(f"{each.executable} ({each.abi})" for each in inventory.pythons or ()) or "none"
    raise ByocError(
        f"the base has no Python {lock.base.python} at {lock.base.executable}",
        why=f"the lock was made for that one; in the base there are: {known}",
        fix="make the lock anew for this base: `byoc lock`",
        id="BYOC-E329",
    )


def _placed(
    lock: Lock, materials: Materials, ground: Ground, target: Target, python: Python
) -> tuple[list[Owned], Replaced]:
    """Every file of every wheel, and the distributions of the base that they replace."""
    owned: list[Owned] = []
    gone: list[Distribution] = []
    with Reader() as reader:
        for locked in lock.wheels:
            path = _path(locked, materials)
            wheel = read_wheel(path, filename=locked.filename, sha256=locked.sha256 or _sha256(path))
            owned.extend(Owned(locked.filename, file) for file in _files(wheel, locked, lock, reader, target))
            gone.extend(replaced(wheel, locked, python, materials.inventory, ground))
    return owned, tuple(gone)


def _files(
    wheel: Wheel, locked: LockedWheel, lock: Lock, reader: Reader, target: Target
) -> tuple[Placed, ...]:
    return place(
        wheel,
        target,
        lambda member: reader.small(wheel.path, member),
        requested=locked.direct,
        direct_url=_direct_url(locked, lock),
    )


def _direct_url(locked: LockedWheel, lock: Lock) -> bytes | None:
    """PEP 610: only for what the user asked for by an address, so that ``pip freeze`` tells it.

    What was built from the project has none: its address would be a path of the machine that built.
    """
    asked = (Requirement(each) for each in lock.requirements)
    by_address = any(each.url and canonicalize_name(each.name) == locked.name for each in asked)
    if not by_address or not (locked.url or "").startswith(("https://", "http://")):
        return None
    sha256 = locked.source_sha256 or locked.sha256
    document = {"archive_info": {"hash": f"sha256={sha256}", "hashes": {"sha256": sha256}}, "url": locked.url}
    return json.dumps(document, sort_keys=True).encode()


def _sha256(path: Path) -> str:
    """Of what was built from a folder: a lock that was read from a file does not tell it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _path(locked: LockedWheel, materials: Materials) -> Path:
    try:
        return materials.wheels[locked.filename]
    except KeyError:
        raise ByocError(
            f"{locked.filename} is not there",
            why="the lock names it, and it was not fetched",
            fix="build again; without a network, unset BYOC_OFFLINE",
            id="BYOC-E331",
        ) from None


def _by_wheel(files: dict[str, Owned]) -> dict[str, tuple[File, ...]]:
    found: dict[str, list[File]] = {}
    for path, owned in files.items():
        placed = owned.file
        found.setdefault(owned.owner, []).append(File(path, placed.mode, placed.mtime, placed.body))
    return {owner: tuple(each) for owner, each in found.items()}


def _started_by_python(files: Iterable[str], sites: Iterable[str]) -> Iterator[str]:
    """``.pth`` files directly in a site: the ``site`` module executes their lines that begin with import."""
    folders = set(sites)
    return (path for path in files if path.endswith(".pth") and path.rpartition("/")[0] in folders)


def _not_on_path(files: Iterable[str], target: Target, inventory: Inventory, ground: Ground) -> Iterator[str]:
    """Commands that nobody will find; the first one stands for all."""
    scripts = ground.folder(str(target.scheme.scripts))
    searched = {ground.folder(each) for each in inventory.config.env.get("PATH", "").split(":") if each}
    if scripts not in searched:
        yield from itertools.islice((path for path in files if path.startswith(f"{scripts}/")), 1)
