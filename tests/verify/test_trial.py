"""What is judged while scenarios come in, and what is remembered of an image that was tried."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.evidence import Case, Depth, Run
from byoc_kit.contract.types import Outcome
from byoc_kit.contract.waivers import Waiver
from byoc_kit.spec.types import Target
from byoc_kit.talk import Silence
from byoc_kit.work.trial import Trial, Watch, keep_tried, tried, tried_before
from contract.examples import EVIDENCE, SERVED, clause

UNTRIED = replace(EVIDENCE, runs={}, depth=Depth.STATIC)
TODAY = date(2027, 1, 31)


class Heard(Silence):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.lines.append(f"warning: {text}")


def watch(*, fail_fast: bool = False, waivers: tuple[Waiver, ...] = ()) -> tuple[Watch, Heard]:
    heard = Heard()
    clauses = [
        clause("AAA-01", Outcome.BROKEN, needs=("serve",)),
        clause("AAA-02", Outcome.BROKEN, needs=("serve", "train")),
        clause("AAA-03", Outcome.BROKEN),
    ]
    trial = Trial(
        clauses=clauses, depth=Depth.QUICK, today=TODAY, talk=heard, fail_fast=fail_fast, waivers=waivers
    )
    return Watch(UNTRIED, trial, 2, clock=lambda: 7.0), heard


def test_a_clause_is_told_as_soon_as_all_that_it_needs_was_played() -> None:
    made, heard = watch()
    assert made.hear(SERVED)
    assert heard.lines == ["[1/2, 0 s] serve 8.2 s", "warning: AAA-01: what AAA-01 saw"]
    assert made.hear(Run(scenario="train", seconds=1))
    assert heard.lines[2:] == ["[2/2, 0 s] train 1.0 s", "warning: AAA-02: what AAA-02 saw"]
    assert made.evidence.runs.keys() == {"serve", "train"}


def test_what_could_not_be_played_is_told_and_breaks_nothing() -> None:
    made, heard = watch(fail_fast=True)
    assert made.hear(Run(scenario="serve", problem="the engine went away"))
    assert heard.lines == ["[1/2, 0 s] serve 0.0 s: the engine went away"]


def test_fail_fast_stops_at_the_first_that_fails_unless_it_is_waived() -> None:
    made, _ = watch(fail_fast=True)
    assert not made.hear(SERVED)
    assert made.stopped
    waived, heard = watch(fail_fast=True, waivers=(Waiver(clause="AAA-01", reason="x"),))
    assert waived.hear(SERVED)
    assert len(heard.lines) == 1


def test_the_last_scenario_is_not_stopped() -> None:
    made, _ = watch(fail_fast=True, waivers=(Waiver(clause="AAA-01", reason="x"),))
    assert made.hear(SERVED)
    assert made.hear(Run(scenario="train", seconds=1))
    assert not made.stopped


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """All clauses, with a memory of its own."""
    environ: Mapping[str, str] = {"BYOC_CACHE_DIR": str(tmp_path / "cache")}
    return Trial(clauses=CLAUSES, depth=Depth.QUICK, today=TODAY, environ=environ)


def test_the_very_same_image_is_not_tried_twice(trial: Trial) -> None:
    assert tried_before(UNTRIED, "sha256:a", trial) is None
    keep_tried(EVIDENCE, "sha256:a", trial)
    found = tried_before(UNTRIED, "sha256:a", trial)
    assert found is not None
    assert (found.runs, found.depth) == (EVIDENCE.runs, Depth.QUICK)
    assert found.config.env == UNTRIED.config.env


def test_another_image_or_question_is_tried_anew(trial: Trial, tmp_path: Path) -> None:
    request = tmp_path / "request.csv"
    request.write_text("1")
    trial = replace(trial, case=Case(request=str(request)))
    keep_tried(EVIDENCE, "sha256:a", trial)
    assert tried_before(UNTRIED, "sha256:a", trial)
    assert tried_before(UNTRIED, "sha256:b", trial) is None
    assert tried_before(replace(UNTRIED, targets=(Target.HOSTING,)), "sha256:a", trial) is None
    for other in (
        replace(trial, depth=Depth.SERVICE),
        replace(trial, case=replace(trial.case, expect="x")),
        replace(trial, clauses=[each for each in CLAUSES if each.id.startswith("TRN")]),
    ):
        assert tried_before(UNTRIED, "sha256:a", other) is None
    request.write_text("2")
    assert tried_before(UNTRIED, "sha256:a", trial) is None


def test_what_had_a_problem_is_not_remembered(trial: Trial) -> None:
    keep_tried(replace(EVIDENCE, runs={"serve": Run(scenario="serve", problem="x")}), "sha256:a", trial)
    assert tried_before(UNTRIED, "sha256:a", trial) is None


def test_static_depth_runs_nothing(trial: Trial) -> None:
    seen = tried(UNTRIED, "docker:not-there", replace(trial, depth=Depth.STATIC))
    assert (seen.depth, seen.runs, seen.not_run) == (Depth.STATIC, {}, "nothing was run, as asked for")


def test_fail_fast_runs_nothing_where_reading_is_enough(trial: Trial) -> None:
    broken = replace(UNTRIED, config=replace(UNTRIED.config, user="nobody"), facts=None)
    seen = tried(broken, "docker:not-there", replace(trial, fail_fast=True))
    assert seen.not_run == "nothing was run: a clause had failed already"
