"""Two owners of one path: between wheels, and between a wheel and the base. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from byoc_kit.engines.layer.ground import Ground, folders_above
from byoc_kit.engines.layer.place import Placed, Target
from byoc_kit.errors import ByocError
from byoc_kit.inventory import Distribution
from byoc_kit.inventory.files import Node

__all__ = ["Owned", "is_by_mistake", "refuse_base_conflicts", "refuse_blocked", "without_twins"]

STRAY: Final = {"tests", "test", "testing", "docs", "doc", "examples", "example", "benchmarks"}
MODULES: Final = (".py", ".so", ".pth")


@dataclass(frozen=True, slots=True)
class Owned:
    """One file of one wheel."""

    owner: str
    """The wheel's file name."""
    file: Placed


def without_twins(
    files: Iterable[tuple[str, Owned]], sites: Iterable[str], warn: Callable[[str], None]
) -> dict[str, Owned]:
    """*files* by physical path; of equal files of several wheels the first is kept.

    So it is, with a warning, where they differ and nobody meant to install them (:func:`is_by_mistake`).
    Raises ByocError (BYOC-E322) where two want different files, or a file and a directory, at one path.
    """
    found: dict[str, Owned] = {}
    known = tuple(sites)
    for path, owned in files:
        first = found.setdefault(path, owned)
        if first is owned or (first.file.hash and first.file.hash == owned.file.hash):
            continue
        if not is_by_mistake(path, known):
            raise _between(first, owned, path, "their contents differ")
        warn(f"/{path} is that of {first.owner}, and not the other one of {owned.owner}")
    for folder, path in folders_above(found).items():
        if folder in found:
            raise _between(found[folder], found[path], folder, "the file of one is a directory of the other")
    return found


def is_by_mistake(path: str, sites: Iterable[str]) -> bool:
    """Whether *path* is what distributions put beside their packages unintended: ``tests``, ``LICENSE``."""
    for site in sites:
        if path.startswith(f"{site}/"):
            top, inside, _ = path.removeprefix(f"{site}/").partition("/")
            return top in STRAY if inside else not top.endswith(MODULES)
    return False


def refuse_base_conflicts(
    files: Mapping[str, Owned],
    removed: frozenset[str],
    target: Target,
    ground: Ground,
    distributions: Iterable[Distribution],
) -> None:
    """Raise BYOC-E323 where a wheel would overwrite somebody else's file, BYOC-E326 where a path is taken."""
    refuse_blocked({path: owned.owner for path, owned in files.items()}, removed, ground)
    scripts = f"{ground.folder(str(target.scheme.scripts))}/"
    standing = [
        path
        for path in files
        if path not in removed and _is_lost(ground.get(path), files[path], path.startswith(scripts))
    ]
    if not standing:
        return
    owners = {
        ground.physical(path): f"{each.name} {each.version}"
        for each in distributions
        for path in each.files or ()
    }
    free = {ground.folder(str(folder)) for folder in (target.scheme.purelib, target.scheme.platlib)}
    for path in standing:
        owner = owners.get(path)
        if is_by_mistake(path, free):
            continue
        if owner or not any(path.startswith(f"{folder}/") for folder in free):
            raise _with_base(files[path], path, owner or "the base")


def _is_lost(node: Node | None, owned: Owned, command: bool) -> bool:
    """Whether the base has a file there, and another one than *owned*.

    Equal length is taken for equal content, but for a *command*: scripts of one form often are equally long.
    """
    if node is None or node.kind == "dir":
        return False
    return command or node.kind != "file" or node.size != owned.file.body.size


def refuse_blocked(owners: Mapping[str, str], removed: frozenset[str], ground: Ground) -> None:
    """Raise BYOC-E326 where the base has a directory in the place of a file, or a file in a directory's.

    *owners*: physical path of each new file to whose it is.
    """
    for path, owner in owners.items():
        node = ground.get(path)
        if (
            node is not None
            and node.kind == "dir"
            and any(each not in removed for each in ground.below(path))
        ):
            raise _blocked(path, owner, "the base has a directory there")
    for folder, path in folders_above(owners).items():
        node = ground.get(folder)
        if node is not None and node.kind != "dir" and folder not in removed:
            raise _blocked(path, owners[path], f"/{folder} is no directory in the base")


def _between(first: Owned, second: Owned, path: str, why: str) -> ByocError:
    return ByocError(
        f"{first.owner} and {second.owner} both want to install /{path}",
        why=f"{why}, and only one of them would work",
        fix="ask for one of the two distributions only, or for versions that do not share this file",
        id="BYOC-E322",
    )


def _with_base(owned: Owned, path: str, owner: str) -> ByocError:
    return ByocError(
        f"{owned.owner} would overwrite /{path}, which belongs to {owner}",
        why="what the base brought would stop working, or do something else than before",
        fix="leave the distribution out, or choose a base without this file",
        id="BYOC-E323",
    )


def _blocked(path: str, owner: str, why: str) -> ByocError:
    return ByocError(
        f"/{path} of {owner} cannot be put into the base",
        why=why,
        fix="install it elsewhere, or choose another base",
        id="BYOC-E326",
    )
