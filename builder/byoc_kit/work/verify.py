"""``byoc verify``: an image against SageMaker's contract. Evidence is gathered here; ``contract`` judges."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

from byoc_kit.contract.judge import judge
from byoc_kit.contract.types import Report
from byoc_kit.errors import UsageError
from byoc_kit.oci.reference import parse_image
from byoc_kit.spec.types import Target
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.evidence import gather, seeming_targets
from byoc_kit.work.project import Project
from byoc_kit.work.state import read_last_build

__all__ = ["verify"]


def verify(
    project: Project | None = None,
    *,
    image: str | None = None,
    targets: Iterable[Target] | None = None,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Report:
    """Judge *image*, or what *project* built last, by what config, manifest and PATH say.

    Targets default to the project's; without a project, to what the image seems able to do (said on *talk*).
    A report that is not ``ok`` is a result, not an error. Raises ByocError where there is no such image.
    """
    voice = talk or Silence()
    reference = parse_image(image or _last_build(project))
    expected = project.spec.image.platform if project else None
    evidence = gather(reference, expected, voice, environ)
    wanted = tuple(targets or (project.spec.image.targets if project else ()))
    if not wanted:
        wanted = seeming_targets(evidence.config, evidence.commands)
        voice.note(f"judged for {', '.join(wanted)}: what the image seems able to do (--target names others)")
    return judge(replace(evidence, targets=wanted))


def _last_build(project: Project | None) -> str:
    if project is None:
        raise UsageError(
            "there is nothing to verify",
            why="neither an image nor a project was named",
            fix="name an image: byoc verify docker:NAME",
            id="BYOC-E602",
        )
    return read_last_build(project).reference
