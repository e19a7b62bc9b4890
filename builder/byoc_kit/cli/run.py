"""``byoc run``: the image exactly as SageMaker would start it, here."""

import base64
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

if TYPE_CHECKING:
    from byoc_kit.work.project import Project
    from byoc_kit.work.run import Endpoint, Invocation, ServeResult, TrainResult

__all__ = ["run"]

PATH = click.Path(path_type=Path)


@click.group(epilog="Example: byoc run train --hp epochs=3")
def run() -> None:
    """Run the image here exactly as SageMaker would start it.

    The same /opt/ml tree, files, variables, names and signals as in the cloud; nothing of yours leaves
    this machine, and when the command ends nothing is left running.
    """


def container_options(function: Any) -> Any:
    """What ``train`` and ``serve`` share; the parameters are those of ContainerOptions."""
    options = [
        click.option(
            "--env", "environment", metavar="K=V", multiple=True, help="A variable for the container."
        ),
        click.option(
            "--live", is_flag=True, help="Mount the source over the code in the image: no build needed."
        ),
        click.option("--shell", is_flag=True, help="Open a shell in the container instead of starting it."),
        click.option("--keep", is_flag=True, help="Leave the stopped container and its network for a look."),
        click.option(
            "--init", is_flag=True, help="Docker's init as PID 1 (the service seems to use it at times)."
        ),
        click.option("--shm-size", default="64m", show_default=True, help="Size of /dev/shm."),
        click.option("--aws-credentials", is_flag=True, help="Hand your AWS credentials to the container."),
        click.option("--region", help="AWS_REGION in the container."),
    ]
    for option in reversed(options):
        function = option(function)
    return json_option(file_option(function))


@run.command(
    short_help="Train, and check what the job leaves.",
    epilog="""\b
Examples:
  byoc run train                                     the last build, with what byoc.toml says
  byoc run train --hp epochs=3 --channel train=data  other values for one run
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
    metavar="NAME=PATH[,mode=FastFile]",
    multiple=True,
    help="A file or folder of this machine as an input channel.",
)
@click.option("--job", "job_file", type=PATH, metavar="FILE", help="A CreateTrainingJob request as JSON.")
@click.option("--sdk", is_flag=True, help="Encode hyperparameters as the SageMaker SDK does.")
@click.option("--instance-type", help="What resourceconfig.json says.  [default: ml.m5.xlarge]")
@click.option(
    "--time-limit", type=click.FloatRange(min=1), metavar="SECONDS", help="Stop the job after so long."
)
@container_options
def train(image: str | None, file: Path | None, as_json: bool, shell: bool, **given: Any) -> None:
    """Train as SageMaker would: IMAGE (else the last build), /opt/ml, `train`.

    IMAGE is docker:NAME, docker:ID or a name. The logs come live on stderr; stdout gets the run's folder,
    with the model in it. Ctrl-C stops the container as StopTrainingJob does (SIGTERM, 120 s); again: now.
    """
    from byoc_kit.job.arguments import pairs
    from byoc_kit.work.run import TrainOptions, run_train, shell_train

    for name, option in (("hyperparameters", "--hp"), ("channels", "--channel"), ("environment", "--env")):
        given[name] = pairs(given[name], option=option)
    options = TrainOptions(**given)
    project = _project(file, image)
    if shell:
        click.echo(shell_train(project, image=image, options=options, talk=talk()))
        return
    result = run_train(project, image=image, options=options, talk=talk())
    click.echo(_model_table(result.files), err=True)
    emit(str(result.run), _train_json(result), as_json=as_json)


def _project(file: Path | None, image: str | None) -> "Project | None":
    """The project; None where there is none and IMAGE says what to run."""
    from byoc_kit.errors import UsageError
    from byoc_kit.work.project import load

    try:
        return load(file)
    except UsageError as error:
        if image is None or file is not None or error.id != "BYOC-E103":
            raise
        return None


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
        "status": "Completed",
        "image": result.image,
        "run": str(result.run),
        "model": {"path": str(result.model), "archive": str(result.archive), "files": dict(result.files)},
        "seconds": round(result.seconds, 3),
        "exit_code": 0,
        "failure": None,
    }


@run.command(
    short_help="Serve, and send requests.",
    epilog="""\b
Examples:
  byoc run serve --invoke sample.csv      one request; the answer is on stdout
  byoc run serve                          serve on http://127.0.0.1:8080 until Ctrl-C
  byoc run serve --model model.tar.gz --invoke a.json --invoke b.json
  byoc run serve docker:churn:latest --model model/ --port 0
""",
)
@click.argument("image", required=False)
@click.option(
    "--model", type=PATH, help="A folder or a model.tar.gz.  [default: of the newest successful run]"
)
@click.option(
    "--invoke", type=PATH, multiple=True, metavar="FILE", help="Send FILE to /invocations, then stop."
)
@click.option("--content-type", metavar="T", help="Of the files.  [default: by the file's name]")
@click.option("--accept", metavar="T", help="The Accept header.  [default: none is sent]")
@click.option("--port", type=click.IntRange(0, 65535), help="Of 127.0.0.1; 0: any free one.  [default: 8080]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=480.0,
    show_default=True,
    metavar="SECONDS",
    help="How long /ping may take to answer 200.",
)
@container_options
def serve(image: str | None, file: Path | None, as_json: bool, shell: bool, **given: Any) -> None:
    """Serve as SageMaker would: IMAGE (else the last build), the model read-only, `serve`.

    With --invoke the answers are on stdout, byte for byte, and the server is stopped. Without it the URL is
    on stdout and the logs on stderr until Ctrl-C, which stops as the service does (SIGTERM, 30 s).
    """
    from byoc_kit.job.arguments import pairs
    from byoc_kit.work.run import ServeOptions, run_serve, shell_serve

    given["environment"] = pairs(given["environment"], option="--env")
    options = ServeOptions(**given)
    project = _project(file, image)
    if shell:
        shell_serve(project, image=image, options=options, talk=talk())
        return

    def ready(endpoint: "Endpoint") -> None:
        emit(endpoint.server.url, _endpoint_json(endpoint), as_json=as_json)

    result = run_serve(project, image=image, options=options, talk=talk(), ready=ready)
    if as_json:
        emit("", _serve_json(result), as_json=True)
    else:
        _print_bodies(result)


def _print_bodies(result: "ServeResult") -> None:
    """The answers as they came; a line end after one that has none, before another or on a terminal."""
    terminal = sys.stdout.isatty()
    for number, invocation in enumerate(result.invocations, start=1):
        body = invocation.answer.body
        alone = number == len(result.invocations) and not terminal
        click.echo(body if alone or body.endswith(b"\n") else body + b"\n", nl=False)


def _endpoint_json(endpoint: "Endpoint") -> dict[str, object]:
    return {
        "schema": "byoc/run-serve/1",
        "image": endpoint.image,
        "model": endpoint.model and str(endpoint.model),
        "ready_seconds": round(endpoint.server.seconds, 3),
        "url": endpoint.server.url,
    }


def _serve_json(result: "ServeResult") -> dict[str, object]:
    return {
        "schema": "byoc/run-serve/1",
        "image": result.image,
        "model": result.model and str(result.model),
        "ready_seconds": result.ready_seconds,
        "invocations": [_invocation_json(invocation) for invocation in result.invocations],
    }


def _invocation_json(invocation: "Invocation") -> dict[str, object]:
    answer = invocation.answer
    try:
        body, encoding = answer.body.decode(), "utf-8"
    except UnicodeDecodeError:
        body, encoding = base64.b64encode(answer.body).decode(), "base64"
    return {
        "file": str(invocation.file),
        "sent_as": invocation.content_type,
        "status": answer.status,
        "content_type": answer.content_type,
        "seconds": round(answer.seconds, 3),
        "body": body,
        "encoding": encoding,
    }
