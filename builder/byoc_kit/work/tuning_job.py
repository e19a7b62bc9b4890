"""From a project, the options of a run and perhaps a job file to the training jobs of a tuning job."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from byoc_kit.aws.job_file import read_job_file
from byoc_kit.errors import UsageError
from byoc_kit.job.tuning import Goal, hyperparameter_sets, range_of
from byoc_kit.job.tuning_request import TuningRequest, read_tuning_request
from byoc_kit.talk import Talk
from byoc_kit.work.jobs import TrainOptions, job_base
from byoc_kit.work.project import Project

__all__ = ["TuneOptions", "Tuning", "tuning_job"]

JOBS = 4  # training jobs that are tried unless another number is asked for
NAME_LENGTH = 32  # characters of a HyperParameterTuningJobName
REQUEST = "training-job.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneOptions:
    """What can be asked of ``byoc run tune``."""

    training: TrainOptions = field(default_factory=TrainOptions)
    """What every training job of it shares."""
    ranges: Mapping[str, str] = field(default_factory=dict)
    """Name to ``LOW:HIGH[:SCALING]`` or ``A,B,C``; over those of the job file."""
    objective: str | None = None
    """The metric; None: the job file's, else the only one there is."""
    minimize: bool = False
    jobs: int | None = None
    """How many training jobs; None: four, or fewer if the job file allows only so many."""
    parallel: int | None = None
    """How many at a time; None: one."""
    seed: int | None = None
    """Decides the order of the values; None: the job file's, else 0."""
    job_file: Path | None = None
    """A CreateHyperParameterTuningJob request as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A tuning job that can start."""

    name: str
    sets: tuple[Mapping[str, str], ...]
    """The tuned hyperparameters of each training job."""
    objective: str
    goal: Goal
    parallel: int
    training: TrainOptions
    runs: Path
    """The folder of the training jobs' own folders."""
    suffixes: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Of the tuning job itself."""
        return self.runs / self.name

    def job_name(self, number: int) -> str:
        """TrainingJobName of the job *number*, from 1, as the service makes it."""
        return f"{self.name}-{number:03d}-{self.suffixes[number - 1]}"


def tuning_job(project: Project | None, options: TuneOptions, *, image: str | None, talk: Talk) -> Tuning:
    """The tuning job to run. Raises UsageError for ranges, an objective or a file that cannot be."""
    request = _request(options)
    metrics = _metrics(project, options, request)
    ranges = {each.name: each for each in (request.ranges if request else ())}
    ranges |= {name: range_of(name, text) for name, text in options.ranges.items()}
    if not ranges:
        raise _missing("a range", "--range NAME=LOW:HIGH, or --range NAME=A,B,C")
    seed = options.seed if options.seed is not None else (request.seed if request else 0)
    count = options.jobs or min(JOBS, (request.jobs if request else None) or JOBS)
    sets = hyperparameter_sets(list(ranges.values()), count, seed=seed, sdk=options.training.sdk)
    if len(sets) < count:
        talk.note(f"the ranges have only {len(sets)} different sets of values")
    tuning = Tuning(
        name=_name(request.name if request else job_base(project, image)),
        sets=sets,
        objective=_objective(options, request, metrics),
        goal=request.goal
        if request and not options.minimize
        else ("Minimize" if options.minimize else "Maximize"),
        parallel=options.parallel or 1,
        training=options.training,
        runs=(project.state if project else Path(".byoc").resolve()) / "runs",
        suffixes=tuple(uuid.uuid4().hex[:8] for _ in sets),
    )
    return _with_file(tuning, request) if request else tuning


def _request(options: TuneOptions) -> TuningRequest | None:
    if options.job_file is None:
        return None
    document = read_job_file(options.job_file, "CreateHyperParameterTuningJob")
    return read_tuning_request(document, name=str(options.job_file))


def _metrics(project: Project | None, options: TuneOptions, request: TuningRequest | None) -> list[str]:
    """The names of all metrics that are defined."""
    own = project.spec.train.metrics if project and project.spec.train and request is None else {}
    definitions = request.training["AlgorithmSpecification"].get("MetricDefinitions", []) if request else []
    return [*own, *(each["Name"] for each in definitions), *options.training.metrics]


def _objective(options: TuneOptions, request: TuningRequest | None, metrics: list[str]) -> str:
    """The metric to tune by. Raises UsageError where it is not said, or has no expression."""
    asked = options.objective or (request.objective if request else None)
    if asked is None and len(set(metrics)) == 1:
        return metrics[0]
    if asked is None:
        said = f"there are {', '.join(metrics)}" if metrics else "no metric is defined"
        raise _missing("the objective", f"--objective NAME; {said}")
    if asked not in metrics:
        raise UsageError(
            f"the objective {asked} has no expression that finds it",
            why=f"metrics that are defined: {', '.join(metrics) or 'none'} (TRN-13)",
            fix=f"add --metric '{asked}=REGEX', or [train] metrics in byoc.toml",
            id="BYOC-E450",
        )
    return asked


def _missing(what: str, add: str) -> UsageError:
    return UsageError(
        f"{what} is missing",
        why="a tuning job takes values from ranges and compares them by one metric",
        fix=f"add {add}, or --job FILE with a CreateHyperParameterTuningJob request",
        id="BYOC-E450",
    )


def _name(base: str) -> str:
    """A HyperParameterTuningJobName, as the SDK makes it: the name and the time to the minute."""
    stamp = f"{datetime.now(UTC):%y%m%d-%H%M%S}"
    cleaned = re.sub(r"[^a-zA-Z0-9]+", "-", base.rpartition("/")[2]).strip("-") or "byoc"
    return f"{cleaned[: NAME_LENGTH - len(stamp) - 1].rstrip('-')}-{stamp}"


def _with_file(tuning: Tuning, request: TuningRequest) -> Tuning:
    """The training job that the request describes, as a job file of its own in the tuning job's folder."""
    file = tuning.folder / REQUEST
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(request.training, indent=2) + "\n", encoding="utf-8")
    return replace(tuning, training=replace(tuning.training, job_file=file))
