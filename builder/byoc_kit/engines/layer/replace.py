"""What of the base must go, because a wheel takes the place of an installed distribution. Pure.

Recording installed projects (PyPA): RECORD lists what belongs to a distribution; two metadata folders of one
name make importlib.metadata answer with either.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from byoc_kit.engines.layer.ground import Ground
from byoc_kit.engines.layer.wheel import Wheel
from byoc_kit.errors import ByocError
from byoc_kit.inventory import Distribution, Inventory, Python
from byoc_kit.plan.protect import irremovable, is_prebuilt
from byoc_kit.spec.lock import LockedWheel

__all__ = ["Replaced", "removed", "replaced"]

Replaced = tuple[Distribution, ...]


def replaced(
    wheel: Wheel, locked: LockedWheel, python: Python, inventory: Inventory, ground: Ground
) -> Replaced:
    """The installed distributions whose files must go before *wheel* can stand there.

    Raises ByocError: BYOC-E324 where one cannot be removed, BYOC-E325 where the lock did not decide it.
    """
    site = python.scheme.purelib if wheel.purelib else python.scheme.platlib
    found = [each for each in inventory.distributions or () if each.name == wheel.name]
    own = {ground.folder(str(folder)) for folder in (python.scheme.purelib, python.scheme.platlib)}
    standing = tuple(each for each in found if ground.folder(each.location) in own)
    for each in found:
        if each not in standing:
            _refuse_hidden(wheel, each, site, python, ground)
    for each in standing:
        _refuse(each, locked, inventory)
    return standing


def removed(gone: Replaced, inventory: Inventory, ground: Ground) -> frozenset[str]:
    """Physical paths of every file of *gone*, byte code included, but of no file that others own as well."""
    if not gone:
        return frozenset()
    kept = [each for each in inventory.distributions or () if each not in gone]
    shared = {ground.physical(path) for each in kept for path in each.files or ()}
    return frozenset(path for each in gone for path in _files(each, ground) if path not in shared)


def _files(distribution: Distribution, ground: Ground) -> Iterator[str]:
    metadata = ground.folder(f"{distribution.location}/{distribution.metadata}")
    yield from ground.below(metadata)
    for path in map(ground.physical, distribution.files or ()):
        node = ground.get(path)
        if node is not None and node.kind != "dir":
            yield path
        if path.endswith(".py"):
            yield from ground.byte_code(path)


def _refuse_hidden(
    wheel: Wheel, other: Distribution, site: PurePosixPath, python: Python, ground: Ground
) -> None:
    """A distribution elsewhere on the path of the same interpreter must come later than what is added."""
    order = [ground.folder(path) for path in python.paths]
    theirs, ours = ground.folder(other.location), ground.folder(str(site))
    if theirs in order and (ours not in order or order.index(theirs) < order.index(ours)):
        raise _refused(other, f"{python.executable} looks into {other.location} before it looks into {site}")


def _refuse(distribution: Distribution, locked: LockedWheel, inventory: Inventory) -> None:
    if locked.replaces is None:
        raise ByocError(
            f"the base has {distribution.name} {distribution.version}, which the lock does not know",
            why=f"{distribution.location} holds it, and {locked.filename} would take its place undecided",
            fix="make the lock anew for this base: `byoc lock`",
            id="BYOC-E325",
        )
    if reason := irremovable(distribution, prebuilt=is_prebuilt(inventory.config.labels)):
        raise _refused(distribution, reason)


def _refused(distribution: Distribution, why: str) -> ByocError:
    return ByocError(
        f"{distribution.name} {distribution.version} of the base cannot be replaced by a layer",
        why=why,
        fix="ask for the version that the base has, choose a base with the version you need, or build with "
        "`--engine docker`",
        id="BYOC-E324",
    )
