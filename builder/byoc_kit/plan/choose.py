"""Which engine executes a plan: each says which steps it can do, and where base and output are decides."""

from collections.abc import Iterator
from dataclasses import dataclass

from byoc_kit.errors import UsageError
from byoc_kit.plan.types import DockerfileStep, EngineChoice, Output, Step, SystemStep

__all__ = ["ASKED", "DOCKER", "LAYER", "Circumstances", "choose"]

DOCKER, LAYER = "docker", "layer"
ASKED = "it was asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What counts besides the steps."""

    asked: str
    """``auto``, ``docker`` or ``layer``."""
    output: Output | None
    """None: nobody asked for one; the engine of this machine if there is one, else a layout."""
    daemon: bool
    """Whether a Docker engine answers."""
    base_outside: bool = False
    """Whether the base is a layout or an archive: no ``FROM`` names it."""
    own_templates: bool = False
    """Whether the project overrides a Dockerfile template, which makes the build opaque."""
    unresolved: str | None = None
    """Why no list of wheels can be locked for the base; None: it can, or nobody tried yet."""


def choose(steps: tuple[Step, ...], circumstances: Circumstances) -> EngineChoice:
    """The engine, why, and why not the others. Raises UsageError (BYOC-E217) where none can do it."""
    against = {
        DOCKER: tuple(_against_docker(circumstances)),
        LAYER: tuple(_against_layer(steps, circumstances)),
    }
    name, why = _preferred(circumstances, against)
    if against[name]:
        raise _impossible(name, circumstances, against)
    other = LAYER if name == DOCKER else DOCKER
    return EngineChoice(name=name, why=why, rejected=((other, "; ".join(against[other]) or _unneeded(name)),))


def _preferred(circumstances: Circumstances, against: dict[str, tuple[str, ...]]) -> tuple[str, str]:
    """The engine that was asked for; else by where base and output are, among those that can."""
    if circumstances.asked in {DOCKER, LAYER}:
        return circumstances.asked, ASKED
    if against[LAYER] and not against[DOCKER]:
        return DOCKER, against[LAYER][0]
    if against[DOCKER]:
        return LAYER, f"no other can: {against[DOCKER][0]}"
    if circumstances.output is None or circumstances.output.kind == "docker":
        return DOCKER, "base and image are in the local engine"
    return LAYER, "nothing has to run inside the base, and only the new layers are made and moved"


def _unneeded(name: str) -> str:
    if name == LAYER:
        return "it would move the whole base through the local engine"
    return "base and image are in the local engine anyway"


def _against_docker(circumstances: Circumstances) -> Iterator[str]:
    if not circumstances.daemon:
        yield "no Docker engine answers on this machine"
    if circumstances.base_outside:
        yield "the docker engine builds on images of a registry or of its own, not on a layout or an archive"


def _against_layer(steps: tuple[Step, ...], circumstances: Circumstances) -> Iterator[str]:
    for step in steps:
        match step:
            case SystemStep():
                yield (
                    f"system packages ({', '.join(step.packages)}) are installed by running {step.manager} "
                    "inside the base"
                )
            case DockerfileStep():
                yield f"{step.path} is built as it is, by commands inside the base"
            case _:
                pass
    if circumstances.own_templates:
        yield "the project's own Dockerfile template may run anything"
    if circumstances.unresolved:
        yield circumstances.unresolved


def _impossible(name: str, circumstances: Circumstances, against: dict[str, tuple[str, ...]]) -> UsageError:
    other = LAYER if name == DOCKER else DOCKER
    details = [f"{engine}: {reason}" for engine, reasons in against.items() for reason in reasons]
    what = "no engine can build this image here" if against[other] else f"the {name} engine cannot build this"
    return UsageError(
        what,
        why=against[name][0],
        fix=_way_out(against, circumstances),
        id="BYOC-E217",
        details=details,
    )


def _way_out(against: dict[str, tuple[str, ...]], circumstances: Circumstances) -> str:
    if circumstances.asked == LAYER and not against[DOCKER]:
        return "leave out --engine layer (auto takes docker here), or choose a base that has it already"
    if circumstances.asked == DOCKER and not against[LAYER]:
        return "leave out --engine docker: the layer engine needs no Docker"
    return (
        "start a Docker engine (`byoc doctor` says how), or choose a base that holds what has to be run or "
        "compiled: then the layer engine needs no Docker"
    )
