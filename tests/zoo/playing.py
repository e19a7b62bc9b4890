"""Plays an image of the zoo as ``byoc verify`` does, and says what it broke."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.evidence import Depth, Run
from byoc_kit.contract.judge import judge
from byoc_kit.contract.types import Clause, Evidence, Report, Status
from byoc_kit.oci.config import Platform
from byoc_kit.spec.types import Target
from byoc_kit.talk import Silence
from byoc_kit.work.evidence import gather_engine
from byoc_kit.work.trial import Trial, tried
from zoo.form import Animal

__all__ = ["Played", "chosen_for", "play", "surprises"]

DAY = date(2026, 1, 1)
GROUNDWORK = {
    "train": frozenset(target for target in Target if target.trains),
    "serve": frozenset({Target.HOSTING, Target.BATCH, Target.ASYNC, Target.STREAMING, Target.SERVERLESS}),
}
"""What is played of each image in any case: other plays need the model, and clauses the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What was seen of one image, and the verdicts on it."""

    animal: Animal
    evidence: Evidence
    report: Report

    def ids(self, status: Status) -> frozenset[str]:
        """The clauses that ended so."""
        return frozenset(found.id for found in self.report.findings if found.status is status)

    def told(self, ids: Iterable[str]) -> str:
        """What was seen of the clauses *ids*, for a reader."""
        wanted = set(ids)
        lines = (f"{f.id} {f.status}: {f.evidence}" for f in self.report.findings if f.id in wanted)
        return "\n".join(lines)


def chosen_for(animal: Animal, *, everything: bool) -> Sequence[Clause]:
    """The clauses that *animal* is judged by: all, or those that its own clause's scenarios can tell.

    A good one is always judged by all.
    """
    own = next((clause for clause in CLAUSES if clause.id == animal.breaks), None)
    if everything or own is None or animal.all_faults:
        return CLAUSES
    played = {*own.needs, *(name for name, targets in GROUNDWORK.items() if {*animal.targets} & targets)}
    return [clause for clause in CLAUSES if {*clause.needs} <= played]


def play(animal: Animal, image: str, *, everything: bool, environ: dict[str, str]) -> Played:
    """Gather evidence on *image*, which is *animal*, and judge it."""
    clauses = chosen_for(animal, everything=everything)
    found = gather_engine(image, Platform.parse(animal.expected), Silence(), environ)
    trial = Trial(clauses=clauses, depth=Depth.QUICK, today=DAY, case=animal.case)
    evidence = tried(replace(found, targets=animal.targets), image, trial)
    return Played(animal=animal, evidence=evidence, report=judge(evidence, clauses, today=DAY))


def _trouble(run: Run) -> bool:
    """Whether it could not be played for a reason that no clause tells."""
    return bool(run.problem) and ": see " not in run.problem


def surprises(played: Played) -> str:
    """What is not as the zoo demands: the one clause is broken, its companions may be, no other is."""
    animal, failed = played.animal, played.ids(Status.FAIL)
    hit = played.ids(Status.WARN) if animal.warns else failed
    wrong = failed - {animal.breaks} - animal.companions - animal.all_faults
    lines = [f"fails too: {played.told(wrong)}"] if wrong else []
    missed = ({animal.breaks, *animal.all_faults} - {""}) - hit
    if missed:
        lines.append(f"does not break: {played.told(missed)}")
    lines += [f"{name}: {run.problem}" for name, run in played.evidence.runs.items() if _trouble(run)]
    if played.evidence.not_run and animal.breaks != "IMG-12":  # which says itself that it cannot run here
        lines.append(played.evidence.not_run)
    return "\n".join(lines)
