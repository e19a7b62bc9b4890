"""Building with the layer engine: no Docker, no root; what is made and moved is what the base lacks."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from byoc_kit.assets import containers
from byoc_kit.engines.layer.build import build_layers
from byoc_kit.engines.layer.materials import Materials
from byoc_kit.engines.layer.startup import byte_code_notes
from byoc_kit.errors import ByocError
from byoc_kit.images.sink import Sink
from byoc_kit.oci.append import append
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.image import Image
from byoc_kit.plan.estimate import estimate
from byoc_kit.plan.types import Asset, Built, ConfigStep, Content, Inline, Plan
from byoc_kit.spec.lock import Lock, LockedWheel
from byoc_kit.store import Store, user_store
from byoc_kit.talk import Talk
from byoc_kit.work.accounts import accounts_of
from byoc_kit.work.docker_build import Wishes
from byoc_kit.work.images import open_image, open_sink
from byoc_kit.work.inspect import Inspected, read_image_files
from byoc_kit.work.key import key_of
from byoc_kit.work.lock import Locker, pinned_base
from byoc_kit.work.places import place_of
from byoc_kit.work.plan import plan_of
from byoc_kit.work.project import Project
from byoc_kit.work.rates import measured, rates_of

__all__ = ["LayerBuild", "Unlocked", "layer_build"]

NEEDS_A_RUN: Final = {"BYOC-E906", "BYOC-E913", "BYOC-E918"}
"""Why no lock can be made although the docker engine, which runs pip in the base, may install it."""


class Unlocked(Exception):  # noqa: N818 - an answer that leads to the other engine
    """The packages cannot be had as wheels; *error* says why."""

    def __init__(self, error: ByocError) -> None:
        super().__init__(f"{error.what}: {error.why}" if error.why else error.what)
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerBuild:
    """One build that can start."""

    project: Project
    plan: Plan
    base: Image
    seen: Inspected
    locker: Locker
    sink: Sink
    wishes: Wishes
    key: str
    store: Store
    talk: Talk

    def costed(self) -> Plan:
        """The plan with what it moves: of the base what the output lacks, and new layers by their wheels."""
        lock = self.plan.lock
        download = tuple(_lacking(lock, self.store)) if lock else ()
        transfer = self.sink.survey(self.base)
        new = sum(wheel.size or 0 for wheel in lock.wheels) if lock else 0
        costs = estimate(download, new, transfer, rates_of(self.store, self.plan.output.kind))
        return replace(self.plan, download=download, transfer=transfer, estimates=costs)

    def execute(self) -> Built:
        """Fetch the wheels, make the layers, write what the output lacks. Raises ByocError."""
        begun = time.monotonic()
        self.talk.say(f"building on {self.base.reference} ({self.wishes.choice.why})")
        made = self._made()
        output = self.wishes.output
        own = sum(layer.descriptor.size for layer in made.layers[len(self.base.layers) :])
        with measured(self.store, f"send to {output.kind}", own):  # the base is mostly there
            reference = self.sink.write(made, tag=True)
        return Built(
            reference=reference,
            name=self.wishes.tag if output.kind == "docker" else reference,
            image_id=made.manifest.config.digest,
            engine="layer",
            platform=made.config.platform,
            size=made.manifest.size,
            seconds=round(time.monotonic() - begun, 2),
            content_key=self.key,
        )

    def _made(self) -> Image:
        """The new image, whose layers are on this disk and whose base is where it was."""
        plan, wheels = self.plan, self._wheels()
        materials = Materials(
            inventory=self.seen.inventory, index=self.seen.index, wheels=wheels, contents=self._content
        )
        with measured(self.store, "make", sum(path.stat().st_size for path in wheels.values())):
            layers = build_layers(plan, plan.lock, materials, store=self.store, talk=self.talk)
        return append(self.base, layers, next(step for step in plan.steps if isinstance(step, ConfigStep)))

    def _wheels(self) -> Mapping[str, Path]:
        if self.plan.lock is None:
            return {}
        self.locker.keep(self.plan.lock)
        with measured(
            self.store, "fetch", sum(wheel.size or 0 for wheel in _lacking(self.plan.lock, self.store))
        ):
            return self.locker.wheels(self.plan.lock)

    def _content(self, content: Content) -> bytes | Path:
        match content:
            case Inline(text):
                return text.encode()
            case Asset(path):
                return containers() / path
            case _:
                return self.project.root / content.path


@contextmanager
def layer_build(
    project: Project, wishes: Wishes, *, talk: Talk, environ: Mapping[str, str]
) -> Iterator[LayerBuild]:
    """The build, after the base was read (once, then remembered) and the packages were locked.

    Raises :class:`Unlocked` where the docker engine may do what this one cannot; ByocError else.
    """
    store, spec = user_store(environ), project.spec
    wanted, accounts = spec.image.platform, accounts_of(spec.publish)
    with open_image(
        pinned_base(project), platform=wanted, environ=environ, talk=talk, accounts=accounts
    ) as base:
        seen = read_image_files(base, store=store, talk=talk)
        inventory = replace(seen.inventory, reference=spec.image.base)
        locker = Locker(project=project, inventory=inventory, store=store, environ=environ, talk=talk)
        plan = replace(plan_of(project, inventory, talk=talk), engine=wishes.choice, output=wishes.output)
        lock = _lock(locker, plan, frozen=wishes.frozen)
        plan = replace(plan, lock=lock, notes=(*plan.notes, *byte_code_notes(plan, lock)))
        key = key_of(plan, project.root)
        place = place_of(wishes.output, name=wishes.tag, key=key)
        accounts = accounts_of(project.spec.publish)
        with open_sink(place, environ=environ, talk=talk, accounts=accounts) as sink:
            yield LayerBuild(
                project=project,
                plan=replace(plan, mutations=(f"write the image to {place}",)),
                base=base,
                seen=seen,
                locker=locker,
                sink=sink,
                wishes=wishes,
                key=key,
                store=store,
                talk=talk,
            )


def _lock(locker: Locker, plan: Plan, *, frozen: bool) -> Lock | None:
    """The lock for the python step; None where there is none to make."""
    if not any(step.kind == "python" for step in plan.steps):
        return None
    try:
        return locker.for_layers(frozen=frozen)
    except ByocError as error:
        if error.id in NEEDS_A_RUN:
            raise Unlocked(error) from error
        raise


def _lacking(lock: Lock, store: Store) -> Iterator[LockedWheel]:
    """The wheels that are not in the store."""
    return (wheel for wheel in lock.wheels if store.blob("wheels", Digest(f"sha256:{wheel.sha256}")) is None)
