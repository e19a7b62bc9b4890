"""``byoc run train``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.common import emit, talk
from byoc_kit.cli.run_common import PATH, container_options, project_of

if TYPE_CHECKING:
    from byoc_kit.work.run import TrainResult

__all__ = ["train"]

PAIRS = (
    ("hyperparameters", "--hp"),
    ("channels", "--channel"),
    ("environment", "--env"),
    ("metrics", "--metric"),
)


def _gpus(context: click.Context, option: click.Parameter, value: str | None) -> int:
    """How many GPUs; -1: all."""
    if value is None or value == "all":
        return 0 if value is None else -1
    if not value.isdigit():
        raise click.BadParameter("a number, or `all`, is needed")
    return int(value)


@click.command(
    short_help="Train, and check what the job leaves.",
    epilog="""\b
Examples:
  byoc run train                                     the last build, with what byoc.toml says
  byoc run train --hp epochs=3 --channel train=data  other values for one run
  byoc run train --hosts 2                           two containers that know each other
  byoc run train --resume latest                     go on from the checkpoints of the run before
  byoc run train --interrupt-after 30                does it survive the loss of a spot instance?
  byoc run train --live                              the source as it is now, without a build
  byoc run train --job request.json --channel train=data
  byoc run train docker:churn:latest --shell         a shell where training would start
""",
)
@click.argument("image", required=False)
@click.option(
    "--hp", "hyperparameters", metavar="K=V", multiple=True, help="A hyperparameter, sent as typed."
)
@click.option(
    "--channel",
    "channels",
    metavar="NAME=PATH[,mode=Pipe]",
    multiple=True,
    help="A file or folder of this machine, or s3://..., as an input channel.",
)
@click.option("--fetch", is_flag=True, help="Fetch the job file's channels from S3.")
@click.option("--job", "job_file", type=PATH, metavar="FILE", help="A CreateTrainingJob request as JSON.")
@click.option(
    "--as",
    "driver",
    type=click.Choice(["sdk3"]),
    help="As ModelTrainer of the SageMaker SDK 3 starts it, with the project's source.",
)
@click.option("--sdk", is_flag=True, help="Encode hyperparameters as the SageMaker SDK does.")
@click.option("--instance-type", help="What resourceconfig.json says.  [default: ml.m5.xlarge]")
@click.option(
    "--hosts",
    type=int,
    metavar="N",
    help="How many hosts, each a container.  [default: the job file's, or 1]",
)
@click.option(
    "--group",
    "groups",
    metavar="NAME=TYPE:COUNT",
    multiple=True,
    help="A group of hosts of one instance type, for a heterogeneous cluster.",
)
@click.option(
    "--metric",
    "metrics",
    metavar="NAME=REGEX",
    multiple=True,
    help="A number to pick from the log: the first group of REGEX.",
)
@click.option("--isolated", is_flag=True, help="No network but between the hosts (EnableNetworkIsolation).")
@click.option(
    "--time-limit", type=click.FloatRange(min=1), metavar="SECONDS", help="Stop the job after so long."
)
@click.option(
    "--stop-after",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Stop the job as StopTrainingJob does (SIGTERM, 120 s): well done if it ends in time.",
)
@click.option(
    "--interrupt-after",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Let the hosts vanish as spot instances do; the job begins anew with its checkpoints.",
)
@click.option(
    "--resume",
    metavar="RUN",
    help="Begin with the checkpoints of RUN: `latest`, an id of .byoc/runs, a folder.",
)
@click.option("--warm-pool", is_flag=True, help="Mount the cache folder that a warm pool keeps.")
@click.option("--limits", is_flag=True, help="As much CPU and memory as the instance type has.")
@click.option("--gpus", callback=_gpus, metavar="N|all", help="GPUs of this machine for each host.")
@container_options
def train(image: str | None, file: Path | None, as_json: bool, shell: bool, **given: Any) -> None:
    """Train as SageMaker would: IMAGE (else the last build), /opt/ml, `train`.

    IMAGE is docker:NAME, docker:ID or a name. The logs come live on stderr; stdout gets the run's folder,
    with the model in it. Ctrl-C stops the container as StopTrainingJob does (SIGTERM, 120 s); again: now.
    """
    from byoc_kit.job.arguments import pairs
    from byoc_kit.work.run import TrainOptions, run_train, shell_train

    for name, option in PAIRS:
        given[name] = pairs(given[name], option=option)
    options = TrainOptions(**given)
    project = project_of(file, image)
    if shell:
        click.echo(shell_train(project, image=image, options=options, talk=talk()))
        return
    voice = talk()
    with voice.chart() as watch:
        result = run_train(project, image=image, options=options, talk=voice, watch=watch)
    click.echo(_model_table(result.files), err=True)
    emit(str(result.run), _train_json(result), as_json=as_json)


def _model_table(files: Mapping[str, int]) -> str:
    """The model's tree, for a person."""
    rows = [f"  {path}  {_bytes(size)}" for path, size in files.items()]
    return "\n".join([f"model: {len(files)} files, {_bytes(sum(files.values()))}", *rows[:20]])


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _train_json(result: "TrainResult") -> dict[str, object]:
    return {
        "schema": "byoc/run-train/1",
        "status": result.status,
        "image": result.image,
        "run": str(result.run),
        "model": {"path": str(result.model), "archive": str(result.archive), "files": dict(result.files)},
        "clashes": list(result.clashes),
        "metrics": dict(result.metrics),
        "seconds": round(result.seconds, 3),
        "exit_code": 0,
        "failure": None,
    }
