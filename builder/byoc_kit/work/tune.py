"""``byoc run tune``: training jobs with values from ranges, as a tuning job has them (HPO-01 to HPO-05)."""

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from byoc_kit.docker_api import connect
from byoc_kit.errors import ByocError
from byoc_kit.job.metrics import Point
from byoc_kit.job.tuning import OBJECTIVE_KEY, Goal
from byoc_kit.local.metrics import Watch
from byoc_kit.local.stopping import stop_runs
from byoc_kit.local.training import GRACE
from byoc_kit.talk import Talk
from byoc_kit.work.project import Project
from byoc_kit.work.train import TrainResult, run_train
from byoc_kit.work.tuning_job import TuneOptions, Tuning, tuning_job

__all__ = ["Trial", "TuneOptions", "TuneResult", "run_tune"]

USUAL = TuneOptions()
TABLE = "tuning.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One training job of a tuning job."""

    number: int
    hyperparameters: Mapping[str, str]
    """The tuned ones, as they were sent."""
    status: str
    """``Completed`` or ``Failed``."""
    objective: float | None = None
    """The last value of the objective metric; None: it was not printed (HPO-02)."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    run: str | None = None
    """The run's folder."""
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneResult:
    """What the training jobs came to."""

    name: str
    objective: str
    goal: Goal
    trials: tuple[Trial, ...]
    """The best first; those without an objective last."""
    table: Path
    """The same as JSON, schema ``byoc/run-tune/1``."""

    @property
    def best(self) -> Trial | None:
        """None where no job has printed the objective."""
        first = self.trials[0]
        return first if first.objective is not None else None

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "schema": "byoc/run-tune/1",
            "name": self.name,
            "objective": self.objective,
            "goal": self.goal,
            "best": self.best.number if self.best else None,
            "trials": [asdict(trial) for trial in self.trials],
        }


def run_tune(
    project: Project | None,
    *,
    image: str | None = None,
    options: TuneOptions = USUAL,
    talk: Talk,
    watch: Watch | None = None,
) -> TuneResult:
    """Train once for each set of values; the first alone, so that a broken image costs one job only.

    *watch* is told the objective of each job as it comes. Raises ByocError where the first job fails
    (BYOC-E451) or does not print the objective (BYOC-E452); later failures are rows of the table.
    """
    tuning = tuning_job(project, options, image=image, talk=talk)
    talk.say(
        f"tuning {tuning.name}: {len(tuning.sets)} training jobs, {tuning.goal.lower()[:-1]}ing"
        f" {tuning.objective}; the values spread over the ranges, the search is left to the service"
    )
    attempt = Attempt(project, image, tuning, talk, watch)
    trials = [attempt.first(), *attempt.others()]
    result = TuneResult(
        name=tuning.name,
        objective=tuning.objective,
        goal=tuning.goal,
        trials=tuple(sorted(trials, key=lambda trial: _rank(trial, tuning.goal))),
        table=tuning.folder / TABLE,
    )
    tuning.folder.mkdir(parents=True, exist_ok=True)
    result.table.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")
    return result


def _rank(trial: Trial, goal: Goal) -> tuple[bool, float, int]:
    value = trial.objective or 0.0
    return trial.objective is None, -value if goal == "Maximize" else value, trial.number


class Attempt:
    """The training jobs of one tuning job."""

    def __init__(
        self, project: Project | None, image: str | None, tuning: Tuning, talk: Talk, watch: Watch | None
    ) -> None:
        self._project, self._image, self._tuning = project, image, tuning
        self._talk, self._watch = talk, watch
        self._stopping = threading.Event()

    def first(self) -> Trial:
        """The first job, alone. Raises ByocError if it fails or does not print the objective."""
        try:
            trial = self._completed(1, self._train(1))
        except ByocError as error:
            raise ByocError(
                f"the first of {len(self._tuning.sets)} training jobs failed, and no other was started",
                why=error.what,
                fix=error.fix,
                id="BYOC-E451",
                details=error.details,
            ) from error
        if trial.objective is None:
            raise ByocError(
                f"the first training job did not print {self._tuning.objective}, and no other was started",
                why=f"its expression found no number in the log {trial.run}/log (HPO-02, TRN-13)",
                fix="let the program print the metric on a line of its own, or mend the expression",
                id="BYOC-E452",
            )
        return trial

    def others(self) -> Iterator[Trial]:
        """The rest, some at a time. Ctrl-C stops those that run and starts no more."""
        numbers = range(2, len(self._tuning.sets) + 1)
        pool = ThreadPoolExecutor(self._tuning.parallel)
        futures = [pool.submit(self._try, number) for number in numbers]
        try:
            yield from [future.result() for future in futures]
        except (KeyboardInterrupt, SystemExit):
            self._stop(futures)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _try(self, number: int) -> Trial:
        try:
            return self._completed(number, self._train(number))
        except ByocError as error:
            self._talk.warn(f"job {number} failed: {error.what}")
            return Trial(
                number=number,
                hyperparameters=self._tuning.sets[number - 1],
                status="Failed",
                failure=error.what,
                run=str(self._tuning.runs / self._tuning.job_name(number)),
            )

    def _train(self, number: int) -> TrainResult:
        if self._stopping.is_set():
            raise KeyboardInterrupt
        tuning = self._tuning
        sent = {**tuning.sets[number - 1], OBJECTIVE_KEY: tuning.objective}
        options = replace(
            tuning.training,
            name=tuning.job_name(number),
            hyperparameters={**tuning.training.hyperparameters, **sent},
        )
        voice = Numbered(self._talk, number, len(tuning.sets))
        return run_train(
            self._project, image=self._image, options=options, talk=voice, watch=self._watcher(number)
        )

    def _watcher(self, number: int) -> Watch:
        def watch(point: Point) -> None:
            if self._watch and point.name == self._tuning.objective:
                self._watch(replace(point, name=f"{point.name} {number}", host="algo-1"))

        return watch

    def _completed(self, number: int, trained: TrainResult) -> Trial:
        return Trial(
            number=number,
            hyperparameters=self._tuning.sets[number - 1],
            status="Completed",
            objective=trained.metrics.get(self._tuning.objective),
            metrics=trained.metrics,
            seconds=round(trained.seconds, 3),
            run=str(trained.run),
        )

    def _stop(self, futures: list[Future[Trial]]) -> None:
        """Stop what runs as StopTrainingJob would (HPO-04), what has just been started too."""
        self._stopping.set()
        live = [future for future in futures if not future.cancel()]
        names = {self._tuning.job_name(number) for number in range(1, len(self._tuning.sets) + 1)}
        self._talk.say(f"stopping: SIGTERM, then up to {GRACE:.0f} s (Ctrl-C again kills them now)")
        with closing(connect()) as client:
            try:
                while wait(live, timeout=0.5).not_done:
                    stop_runs(client, names, GRACE)
            except (KeyboardInterrupt, SystemExit):
                stop_runs(client, names, 0)


class Numbered:
    """A voice whose lines begin with the number of the job that they are about."""

    def __init__(self, talk: Talk, number: int, count: int) -> None:
        self._talk, self._mark = talk, f"{number:>{len(str(count))}} | "

    def say(self, text: str) -> None:
        """One line."""
        self._talk.say(self._mark + text)

    def note(self, text: str) -> None:
        """One line, marked as a note."""
        self._talk.note(self._mark + text)

    def warn(self, text: str) -> None:
        """One line, marked as a warning."""
        self._talk.warn(self._mark + text)

    def output(self, text: str) -> None:
        """A program's own line."""
        self._talk.output(self._mark + text)

    def progress(self, task: str, done: int, total: int | None) -> None:
        """Nothing: bars of several jobs would take each other's place."""
