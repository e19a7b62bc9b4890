"""Plays of a training job on one host: as it is, with all that it may be given, and such that it fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Final

from byoc_kit.contract.evidence import Container, Run
from byoc_kit.contract.scenarios import CANARY
from byoc_kit.job.container import ContainerPlan
from byoc_kit.job.types import TrainingJob
from byoc_kit.local.cast import (
    Troupe,
    does_not_train,
    if_it_ends,
    if_it_trains,
    limit_of,
    never_ends,
    smoke_job,
    train_once,
)
from byoc_kit.local.stage import Plays, Stage

__all__ = ["PLAYS", "TWISTS"]

MODEL = PurePosixPath("/opt/ml/model")

STRINGS: Final = {
    "epochs": "3",
    "lr": "0.01",
    "use_bn": "true",
    "batch-size": "16",
    "note": 'it\'s "quoted" $HOME `id` é',
    "long": "x" * 2500,
}
"""Plain strings, as the console and boto3 send them (CFG-01, appendix A)."""
ENCODED: Final = {
    "optimizer": '"adam"',
    "layers": "[64, 32]",
    "sagemaker_job_name": '"job-1"',
    "sagemaker_region": '"us-east-1"',
    "sagemaker_container_log_level": "20",
    "default_user_module_name": '"user"',
}
"""Encoded as JSON, with keys of its own, as the SDK sends them (CFG-02)."""
TUNED: Final = {"_tuning_objective_metric": "validation:loss"}
"""What a tuning job adds (HPO-01)."""
CATEGORIES: Final = {"depth": "16", "width": '"256"'}
"""How a tuner sends whole numbers and categories (HPO-03)."""
JUNK: Final[Mapping[str, object]] = {
    "init-config.json": {"inputMode": "File", "channels": []},
    "trainingjobconfig.json": {"TrainingJobName": "byoc-verify", "Tags": None},
    "metric-definition-regex.json": [{"MetricName": "loss", "Regex": "loss=([0-9.]+)"}],
    "upstreamoutputdataconfig.json": [],
    "debughookconfig.json": {},
    "profilerconfig.json": {"DisableProfiler": True},
    "checkpointconfig.json": {"S3Uri": "s3://bucket/checkpoints", "LocalPath": "/opt/ml/checkpoints"},
    "unheard-of.json": [1, {"é": None}],
}
"""Other files that were seen beside the three (CFG-08)."""
MINIMAL: Final[Mapping[str, object]] = {
    "resourceconfig.json": {
        "current_host": "algo-1",
        "hosts": ["algo-1"],
        "network_interface_name": "ethwe",
        "current_instance_type": "local_cpu",
    }
}
"""As the SDK's local mode writes it (CFG-05, LCL-06, LCL-22)."""

AMBIENT: Final = frozenset({"AWS_REGION", "NVIDIA_VISIBLE_DEVICES", "TRAINING_JOB_ARN"})
"""What is seen in the cloud and not everywhere (HAR-09)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twist:
    """One thing that a job may bring; all of them together are tried first."""

    job: Callable[[TrainingJob], TrainingJob] = lambda job: job
    plan: Callable[[ContainerPlan], ContainerPlan] = lambda plan: plan
    files: Mapping[str, object] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    """Made below /opt/ml/output before the start."""


def _more(extra: Mapping[str, str]) -> Callable[[TrainingJob], TrainingJob]:
    return lambda job: replace(job, hyperparameters={**extra, **job.hyperparameters})


def _with_channels(job: TrainingJob) -> TrainingJob:
    """Two more channels, one with a dash and in mode FastFile, one with a dot (CFG-03, CFG-10)."""
    one = job.channels[0]
    more = (
        replace(one, name="val-set", mode="FastFile", content_type="text/csv", distribution="ShardedByS3Key"),
        replace(one, name="extra.data"),
    )
    taken = {channel.name for channel in job.channels}
    return replace(job, channels=(*job.channels, *(each for each in more if each.name not in taken)))


def _streamed(job: TrainingJob) -> TrainingJob:
    channels = (replace(channel, mode="FastFile", read_only=True) for channel in job.channels)
    return replace(job, channels=tuple(channels))


def _read_only(job: TrainingJob) -> TrainingJob:
    channels = tuple(replace(channel, read_only=True) for channel in job.channels)
    return replace(job, channels=channels, writable_input=False)


def _bare(plan: ContainerPlan) -> ContainerPlan:
    """Nothing of the platform's environment but the job's name, as in local mode (ENV-01, LCL-05)."""
    return replace(plan, env={name: value for name, value in plan.env.items() if name not in AMBIENT})


def _with_secret(job: TrainingJob) -> TrainingJob:
    job = replace(job, environment={**job.environment, "API_TOKEN": CANARY})
    return _more({"api_token": CANARY})(job)


TWISTS: Final[Mapping[str, Twist]] = {
    "strings": Twist(job=_more(STRINGS)),
    "encoded": Twist(job=_more(ENCODED)),
    "tuned": Twist(job=_more(TUNED)),
    "categories": Twist(job=_more(CATEGORIES)),
    "channels": Twist(job=_with_channels),
    "streamed": Twist(job=_streamed),
    "read-only": Twist(job=_read_only),
    "minimal": Twist(files=MINIMAL),
    "junk": Twist(files=JUNK),
    "bare": Twist(plan=_bare),
    "outputs": Twist(folders=("metrics/sagemaker", "profiler", "tensors", "intermediate")),
    "warm-pool": Twist(job=lambda job: replace(job, warm_pool=True)),
    "secret": Twist(job=_with_secret),
}
"""By the names of the containers of ``train-inputs``."""


def train(stage: Stage) -> Run:
    """One host as the service starts it; endpoints serve its model.

    Facts: ``written``, what it wrote into the image's own folders.
    """
    with Troupe(stage, smoke_job(stage)) as troupe:
        troupe.begin().finish()
        actor = troupe.one
        actor.tell(written=actor.written())
        seen = actor.done("algo-1")
        if seen.exit_code == 0:
            stage.keep_model(troupe.laid.host("algo-1").model)
        return Run(scenario="train", containers=(seen,))


def train_inputs(stage: Stage) -> Run:
    """``all``: every twist at once. If it fails, one container for each twist, by its name."""
    job = smoke_job(stage)
    found = [_twisted(stage, job, "all", tuple(TWISTS.values()))]
    if found[0].exit_code != 0 and not does_not_train(stage, patience=limit_of(stage)):
        found += [_twisted(stage, job, name, (twist,)) for name, twist in TWISTS.items()]
    return Run(scenario="train-inputs", containers=tuple(found))


def _twisted(stage: Stage, job: TrainingJob, name: str, twists: tuple[Twist, ...]) -> Container:
    for twist in twists:
        job = twist.job(job)
    with Troupe(stage, job, name=name) as troupe:
        host = job.hosts[0]
        plan = troupe.plan(host)
        for twist in twists:
            troupe.put(host, twist.files)
            for folder in twist.folders:
                (troupe.laid.host(host).output / folder).mkdir(parents=True)
            plan = twist.plan(plan)
        troupe.begin(env=plan.env).finish()
        return troupe.one.done(name)


def train_fail(stage: Stage) -> Run:
    """``no-data``: without any channel; ``no-room``: /opt/ml/model cannot be written, as on a full disk."""
    without = train_once(stage, smoke_job(stage, channels=()), "no-data")
    if does_not_train(stage, patience=limit_of(stage)):  # whatever the folder is like
        return Run(scenario="train-fail", containers=(without,))
    with Troupe(stage, smoke_job(stage), name="no-room") as troupe:
        mounts = troupe.plan("algo-1").mounts
        shut = tuple(replace(mount, read_only=mount.read_only or mount.target == MODEL) for mount in mounts)
        troupe.begin(mounts=shut).finish()
        return Run(scenario="train-fail", containers=(without, troupe.one.done("no-room")))


def train_words(stage: Stage) -> Run:
    """``no-word``, ``bogus`` and ``chmod``: what follows the image's name instead of ``train``."""
    words: Mapping[str, tuple[tuple[str, ...] | None, float]] = {
        "no-word": (None, limit_of(stage)),
        "bogus": (("byoc-bogus-word",), stage.timing.refusal),
        "chmod": (("chmod", "-R", "777", "/delete"), stage.timing.refusal),
    }
    names = [name for name in words if name != "no-word" or not never_ends(stage)]
    return Run(
        scenario="train-words",
        containers=tuple(_worded(stage, name, *words[name]) for name in names),
    )


def _worded(stage: Stage, name: str, command: tuple[str, ...] | None, seconds: float) -> Container:
    with Troupe(stage, smoke_job(stage), name=name) as troupe:
        troupe.begin(command=command)
        troupe.one.finish(seconds)
        return troupe.one.done(name)


def studio(stage: Stage) -> Run:
    """One host under Studio's rules: no name resolves to it, the resource config is the smallest (STU-01)."""
    environment = {"SM_STUDIO_LOCAL_MODE": "True"}
    job = smoke_job(stage, environment=environment)
    found = train_once(
        stage, job, "studio", files=MINIMAL, alias="sagemaker-local", hostname="sagemaker-local"
    )
    return Run(scenario="studio", containers=(found,))


PLAYS: Final[Plays] = {
    "train": train,
    "train-inputs": if_it_trains(train_inputs),
    "train-fail": if_it_ends(train_fail),
    "train-words": train_words,
    "studio": studio,
}
