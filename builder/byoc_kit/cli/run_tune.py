"""``byoc run tune``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.common import emit, talk
from byoc_kit.cli.run_common import PATH, options_of_containers, project_of
from byoc_kit.cli.run_train import PAIRS

if TYPE_CHECKING:
    from byoc_kit.work.tune import Trial, TuneResult

__all__ = ["tune"]

OWN = ("objective", "minimize", "jobs", "parallel", "seed", "job_file")
COUNT = click.IntRange(min=1)


@click.command(
    short_help="Train with values from ranges.",
    epilog="""\b
Examples:
  byoc run tune --range trees=10:200 --range depth=2,4,8
  byoc run tune --range lr=0.0001:0.1:log --jobs 8 --parallel 2
  byoc run tune --job tuning-request.json --channel train=data
""",
)
@click.argument("image", required=False)
@click.option(
    "--range",
    "ranges",
    metavar="NAME=LOW:HIGH[:log] | NAME=A,B,C",
    multiple=True,
    help="Values of a hyperparameter; whole numbers where both ends are.",
)
@click.option("--jobs", type=COUNT, metavar="N", help="How many training jobs.  [default: 4]")
@click.option("--parallel", type=COUNT, metavar="N", help="How many at a time.  [default: 1]")
@click.option("--objective", metavar="METRIC", help="What is compared.  [default: the only metric]")
@click.option("--minimize", is_flag=True, help="Less is better.")
@click.option("--seed", type=int, metavar="N", help="Of the order of the values.  [default: 0]")
@click.option(
    "--job", "job_file", type=PATH, metavar="FILE", help="A CreateHyperParameterTuningJob request as JSON."
)
@click.option("--hp", "hyperparameters", metavar="K=V", multiple=True, help="A value that all jobs get.")
@click.option(
    "--channel", "channels", metavar="NAME=PATH[,mode=Pipe]", multiple=True, help="An input channel."
)
@click.option(
    "--metric", "metrics", metavar="NAME=REGEX", multiple=True, help="A number to pick from the log."
)
@click.option("--fetch", is_flag=True, help="Fetch the job file's channels from S3.")
@click.option("--sdk", is_flag=True, help="Encode hyperparameters as the SageMaker SDK does.")
@click.option("--hosts", type=COUNT, metavar="N", help="How many hosts each job has.")
@click.option("--instance-type", help="What resourceconfig.json says.  [default: ml.m5.xlarge]")
@click.option(
    "--time-limit", type=click.FloatRange(min=1), metavar="SECONDS", help="Stop a job after so long."
)
@options_of_containers
def tune(image: str | None, file: Path | None, as_json: bool, **given: Any) -> None:
    """Train as a tuning job would: once for each set of values, and compare what the objective came to.

    The values spread evenly over the ranges: enough to see that the image works under tuning. The search
    proper is left to the service. The first job runs alone; if it fails, or does not print the objective,
    no other is started.
    """
    from byoc_kit.job.arguments import pairs
    from byoc_kit.work.run import TrainOptions
    from byoc_kit.work.tune import TuneOptions, run_tune

    for name, option in (*PAIRS, ("ranges", "--range")):
        given[name] = pairs(given[name], option=option)
    own = {name: given.pop(name) for name in (*OWN, "ranges")}
    voice = talk()
    with voice.chart() as watch:
        result = run_tune(
            project_of(file, image),
            image=image,
            options=TuneOptions(training=TrainOptions(**given), **own),
            talk=voice,
            watch=watch,
        )
    emit(_table(result), result.to_json(), as_json=as_json)
    if result.best and result.best.run:
        voice.say(f"the best: byoc run serve --model {result.best.run}/model")


def _table(result: "TuneResult") -> str:
    """The training jobs, the best first."""
    names = list(result.trials[0].hyperparameters)
    rows = [["job", *names, result.objective, "seconds", "status"]]
    rows += [_row(trial, names) for trial in result.trials]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(trial: "Trial", names: list[str]) -> list[str]:
    value = "-" if trial.objective is None else f"{trial.objective:g}"
    status = f"{trial.status}: {trial.failure}" if trial.failure else trial.status
    return [
        str(trial.number),
        *(trial.hyperparameters[name] for name in names),
        value,
        f"{trial.seconds:.1f}",
        status,
    ]
