"""An image tried: which scenarios the clauses need, played in the engine, judged while they come in."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from byoc_kit import __version__
from byoc_kit.contract.evidence import Case, Depth, Run
from byoc_kit.contract.judge import judge
from byoc_kit.contract.saved import from_json, to_json
from byoc_kit.contract.scenarios import Scenario, for_case, scenario, wanted
from byoc_kit.contract.types import Clause, Evidence, Finding, Status
from byoc_kit.contract.waivers import Waiver
from byoc_kit.errors import ByocError
from byoc_kit.local.images import Place
from byoc_kit.local.plays import PLAYS
from byoc_kit.local.stage import Subject, theatre
from byoc_kit.spec.types import Target
from byoc_kit.store import user_store
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.cases import earlier_model
from byoc_kit.work.gather import play_all, width
from byoc_kit.work.project import Project
from byoc_kit.work.start import opened

__all__ = ["Trial", "Watch", "keep_tried", "tried", "tried_before"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How an image is tried and judged."""

    clauses: Sequence[Clause]
    depth: Depth
    today: date
    waivers: Sequence[Waiver] = ()
    case: Case = field(default_factory=Case)
    fail_fast: bool = False
    project: Project | None = None
    """Whose earlier runs may have a model for endpoints."""
    talk: Talk = field(default_factory=Silence)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def scenarios(self, targets: Sequence[Target]) -> list[Scenario]:
        """What has to be played for an image that is for *targets*."""
        names = wanted(self.clauses, targets) if self.depth is not Depth.STATIC else ()
        return [for_case(scenario(name), self.case) for name in names]

    def failing(self, evidence: Evidence, clauses: Sequence[Clause]) -> list[Finding]:
        """What fails of *clauses* on *evidence*."""
        report = judge(evidence, clauses, waivers=self.waivers, today=self.today)
        return [finding for finding in report.findings if finding.status is Status.FAIL]


def tried(evidence: Evidence, image: str, trial: Trial) -> Evidence:
    """*evidence* and what was seen when *image* was run, as far as the clauses of *trial* ask for it.

    Where nothing can be run the evidence says why. Raises nothing for what the image does.
    """
    seen = replace(evidence, depth=trial.depth, case=trial.case)
    scenarios = trial.scenarios(evidence.targets)
    if trial.depth is Depth.STATIC:
        return replace(seen, not_run="nothing was run, as asked for")
    if trial.fail_fast and trial.failing(seen, [clause for clause in trial.clauses if not clause.needs]):
        return replace(seen, depth=Depth.STATIC, not_run="nothing was run: a clause had failed already")
    if not scenarios:
        return seen
    try:
        with opened(trial.project, image, trial.talk) as place:
            _require_same_processor(place)
            return _played(seen, place, scenarios, trial)
    except ByocError as error:
        return replace(seen, depth=Depth.STATIC, not_run=f"nothing was run: {error.what}: {error.why}")


def _require_same_processor(place: Place) -> None:
    """Raise ByocError where the engine's machine cannot run the image's programs."""
    has, needs = str(place.client.version().get("Arch")), place.image.config.platform.architecture
    if has != needs:
        raise ByocError(
            f"the image is for {needs}",
            why=f"the engine runs on {has}",
            fix="verify it with an engine on a machine of its own kind",
            id="BYOC-E608",
        )


def _played(evidence: Evidence, place: Place, scenarios: Sequence[Scenario], trial: Trial) -> Evidence:
    subject = Subject(
        image=place.image.id,
        config=place.image.config,
        facts=evidence.facts,
        case=trial.case,
        depth=trial.depth,
    )
    watch = Watch(evidence, trial, len(scenarios))
    at_once = width(_cpus(place))
    trial.talk.say(f"scenarios: {len(scenarios)}, {at_once} at a time ({trial.depth})")
    with theatre(place.client, subject, PLAYS, trial.talk) as house:
        house.trained = earlier_model(trial.project)
        play_all(scenarios, house, depth=trial.depth, hear=watch.hear, at_once=at_once)
    if watch.stopped:
        return replace(watch.evidence, not_run="not played: a clause had failed already")
    keep_tried(watch.evidence, place.image.id, trial)
    return watch.evidence


def keep_tried(evidence: Evidence, image_id: str, trial: Trial) -> None:
    """Remember what was seen, for :func:`tried_before`; not what had a problem."""
    if not any(run.problem for run in evidence.runs.values()):
        store = user_store(trial.environ)
        store.write("tried", _question(image_id, evidence.targets, trial), to_json(evidence))


def tried_before(evidence: Evidence, image_id: str, trial: Trial) -> Evidence | None:
    """*evidence* with what was seen of the very same image when it was tried in the same way; else None."""
    kept = user_store(trial.environ).read("tried", _question(image_id, evidence.targets, trial))
    if kept is None:
        return None
    try:
        runs = from_json(kept).runs
    except ValueError:
        return None
    return replace(evidence, depth=trial.depth, case=trial.case, runs=runs)


def _question(image_id: str, targets: Sequence[Target], trial: Trial) -> str:
    """All that decides what is seen, besides chance."""
    names = [each.name for each in trial.scenarios(targets)]
    case = trial.case
    paths = [case.model, case.request, case.train_files, case.serve_files, *case.channels.values()]
    stamps = [_stamp(Path(path)) for path in paths if path]
    return repr((__version__, image_id, sorted(targets), trial.depth.value, case, names, stamps))


def _stamp(path: Path) -> int:
    """When the newest file at or below *path* was changed, in nanoseconds."""
    below = path.rglob("*") if path.is_dir() else ()
    stamps: Iterator[int] = (each.lstat().st_mtime_ns for each in (path, *below))
    return max(stamps)


def _cpus(place: Place) -> int:
    with contextlib.suppress(Exception):  # an engine that does not tell
        return int(place.client.info()["NCPU"])
    return 1


class Watch:
    """Judges what it can as soon as a run has ended, and tells."""

    def __init__(
        self,
        evidence: Evidence,
        trial: Trial,
        total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.evidence, self._trial, self._total = evidence, trial, total
        self._clock, self._begun = clock, clock()
        self.stopped = False

    def hear(self, run: Run) -> bool:
        """Take *run*; whether to go on."""
        runs: Mapping[str, Run] = {**self.evidence.runs, run.scenario: run}
        self.evidence = replace(self.evidence, runs=runs)
        told = f": {run.problem}" if run.problem else ""
        took = self._clock() - self._begun
        self._trial.talk.say(
            f"[{len(runs)}/{self._total}, {took:.0f} s] {run.scenario} {run.seconds:.1f} s{told}"
        )
        ready = [
            each
            for each in self._trial.clauses
            if run.scenario in each.needs and {*each.needs} <= runs.keys()
        ]
        failing = self._trial.failing(self.evidence, ready)
        for finding in failing:
            self._trial.talk.warn(f"{finding.id}: {finding.evidence}")
        self.stopped = self._trial.fail_fast and bool(failing) and len(runs) < self._total
        return not self.stopped
