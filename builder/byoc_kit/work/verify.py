"""``byoc verify``: an image against SageMaker's contract. Evidence is gathered here; ``contract`` judges."""

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from byoc_kit.contract.choose import chosen, unknown
from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.evidence import Depth
from byoc_kit.contract.judge import judge
from byoc_kit.contract.saved import from_json, to_json
from byoc_kit.contract.types import Clause, Evidence, Report
from byoc_kit.contract.waivers import Waiver
from byoc_kit.errors import UsageError
from byoc_kit.oci.reference import parse_image
from byoc_kit.spec.types import Target
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.bases import full_reference
from byoc_kit.work.cases import CaseOptions, make_case
from byoc_kit.work.coverage import beyond
from byoc_kit.work.evidence import gather, seeming_targets
from byoc_kit.work.project import Project
from byoc_kit.work.state import read_last_build, writing
from byoc_kit.work.trial import Trial, tried

__all__ = ["VerifyOptions", "trial_of", "verify", "verify_saved", "write_report"]

FILE = "evidence.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What can be asked of ``byoc verify``."""

    depth: Depth | None = None
    """None: quick, or static where ``[verify] dynamic`` is false."""
    only: Sequence[str] = ()
    """Ids, sections or patterns of clauses."""
    skip: Sequence[str] = ()
    fail_fast: bool = False
    """Stop at the first clause that fails."""
    save: Path | None = None
    """A folder for the evidence, which :func:`verify_saved` judges again."""
    case: CaseOptions = field(default_factory=CaseOptions)


USUAL = VerifyOptions()


def verify(
    project: Project | None = None,
    *,
    image: str | None = None,
    targets: Iterable[Target] | None = None,
    options: VerifyOptions = USUAL,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Report:
    """Judge *image*, or what *project* built last, by what it says of itself and by how it behaves.

    Targets default to the project's; without a project, to what the image seems able to do (said on *talk*).
    A report that is not ``ok`` is a result, not an error; so is one that could not run the image, and says
    why. Raises ByocError where there is no such image, UsageError for options that make no sense.
    """
    begun, voice = time.monotonic(), talk or Silence()
    trial = trial_of(project, options, voice, environ)
    asked = full_reference(image, environ=environ, talk=voice) if image else _last_build(project)
    reference, expected = parse_image(asked), project.spec.image.platform if project else None
    found = gather(reference, expected, voice, environ)
    found = replace(found, targets=_targets(found, targets, project, voice))
    evidence = tried(found, asked, trial)
    if options.save is not None:
        _save(evidence, options.save)
    return replace(_judged(evidence, trial), seconds=time.monotonic() - begun)


def verify_saved(
    folder: Path,
    project: Project | None = None,
    *,
    targets: Iterable[Target] | None = None,
    options: VerifyOptions = USUAL,
) -> Report:
    """Judge again what an earlier verify has saved in *folder*. Raises UsageError (BYOC-E609)."""
    evidence = _read(folder)
    trial = trial_of(project, options, Silence())
    return _judged(replace(evidence, targets=tuple(targets or evidence.targets)), trial)


def write_report(path: Path, text: str) -> None:
    """Write a report that was asked for as a file. Raises UsageError where that cannot be."""
    with writing(path):
        path.write_text(text, encoding="utf-8", errors="replace")


def trial_of(
    project: Project | None,
    options: VerifyOptions,
    talk: Talk,
    environ: Mapping[str, str] = os.environ,
) -> Trial:
    """How *project* wants an image to be tried and judged. Raises UsageError."""
    may = project is None or project.spec.verify is None or project.spec.verify.dynamic
    return Trial(
        clauses=_clauses(options),
        depth=options.depth or (Depth.QUICK if may else Depth.STATIC),
        today=datetime.now(UTC).date(),
        waivers=_waivers(project),
        case=make_case(project, options.case),
        fail_fast=options.fail_fast,
        project=project,
        talk=talk,
        environ=environ,
    )


def _waivers(project: Project | None) -> tuple[Waiver, ...]:
    """Those of byoc.toml. Raises UsageError (BYOC-E607) for a clause that does not exist."""
    written = project.spec.verify.waivers if project and project.spec.verify else ()
    wrong = [each["clause"] for each in written if each["clause"] not in {clause.id for clause in CLAUSES}]
    if wrong:
        raise UsageError(
            f"[verify] waives {wrong[0]!r}, which is no clause that is judged",
            why="a waiver that covers nothing hides a mistake",
            fix="correct the id, or take the waiver out; `byoc explain` lists all clauses",
            id="BYOC-E607",
        )
    return tuple(
        Waiver(clause=each["clause"], reason=each["reason"], until=_day(each.get("until")))
        for each in written
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _judged(evidence: Evidence, trial: Trial) -> Report:
    report = judge(evidence, trial.clauses, waivers=trial.waivers, today=trial.today)
    return replace(report, beyond=beyond())


def _clauses(options: VerifyOptions) -> list[Clause]:
    """Raises UsageError (BYOC-E605) for names of no clause, and where no clause is left."""
    wrong = unknown([*options.only, *options.skip], CLAUSES)
    left = chosen(CLAUSES, only=options.only, skip=options.skip)
    if not wrong and left:
        return left
    raise UsageError(
        f"there is no clause {wrong[0]!r}" if wrong else "--only and --skip leave no clause",
        why="nothing would be judged"
        if not wrong
        else "names are ids, sections or patterns: IMG-02, SIG, INF-0*",
        fix="`byoc explain` lists all clauses",
        id="BYOC-E605",
    )


def _targets(
    evidence: Evidence, asked: Iterable[Target] | None, project: Project | None, talk: Talk
) -> tuple[Target, ...]:
    wanted = tuple(asked or (project.spec.image.targets if project else ()))
    if wanted:
        return wanted
    seeming = seeming_targets(evidence.config, evidence.commands)
    talk.note(f"judged for {', '.join(seeming)}: what the image seems able to do (--target names others)")
    return seeming


def _save(evidence: Evidence, folder: Path) -> None:
    path = folder / FILE
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(to_json(evidence), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read(folder: Path) -> Evidence:
    path = folder / FILE if folder.is_dir() else folder
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} holds no evidence",
            why=str(error),
            fix="name a folder that `byoc verify --save-evidence` has written",
            id="BYOC-E609",
        ) from error


def _last_build(project: Project | None) -> str:
    if project is None:
        raise UsageError(
            "there is nothing to verify",
            why="neither an image nor a project was named",
            fix="name an image: byoc verify docker:NAME",
            id="BYOC-E602",
        )
    return read_last_build(project).reference
