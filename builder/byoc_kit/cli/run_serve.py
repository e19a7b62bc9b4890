"""``byoc run serve``."""

import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.common import emit, talk
from byoc_kit.cli.run_common import PATH, container_options, project_of

if TYPE_CHECKING:
    from byoc_kit.work.run import Endpoint, Invocation, ServeResult

__all__ = ["serve"]


TARGETS = "hosting, serverless, async, streaming, batch, multi-model, pipeline"


@click.command(
    short_help="Serve, and send requests.",
    epilog="""\b
Examples:
  byoc run serve --invoke sample.csv      one request; the answer is on stdout
  byoc run serve                          serve on http://127.0.0.1:8080 until Ctrl-C
  byoc run serve --model model.tar.gz --invoke a.json --invoke b.json
  byoc run serve docker:churn:latest --model model/ --port 0
  byoc run serve --target serverless --memory 2048 --invoke sample.csv
  byoc run serve --target multi-model --model models/ --invoke a.tar.gz=sample.csv
  byoc run serve --target pipeline docker:prepare docker:churn --invoke raw.csv
""",
)
@click.argument("images", metavar="[IMAGE]...", nargs=-1)
@click.option(
    "--target", default="hosting", show_default=True, metavar="T", help=f"How it is hosted: {TARGETS}."
)
@click.option(
    "--model",
    "models",
    type=PATH,
    multiple=True,
    help="A folder or a model.tar.gz; for a pipeline one for each container, for multi-model a folder"
    " of models.  [default: of the newest successful run]",
)
@click.option(
    "--invoke",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="Send FILE to /invocations, then stop; of a multi-model endpoint MODEL=FILE.",
)
@click.option("--content-type", metavar="T", help="Of the files.  [default: by the file's name]")
@click.option("--accept", metavar="T", help="The Accept header.  [default: none is sent]")
@click.option("--port", type=click.IntRange(0, 65535), help="Of 127.0.0.1; 0: any free one.  [default: 8080]")
@click.option(
    "--bind-port",
    type=click.IntRange(1, 65535),
    help="In the container: SAGEMAKER_BIND_TO_PORT.  [default: not set, 8080]",
)
@click.option(
    "--memory", type=int, default=2048, show_default=True, metavar="MB", help="Of a serverless endpoint."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=480.0,
    show_default=True,
    metavar="SECONDS",
    help="How long /ping may take to answer 200.",
)
@container_options
def serve(
    images: tuple[str, ...],
    models: tuple[Path, ...],
    file: Path | None,
    as_json: bool,
    shell: bool,
    **given: Any,
) -> None:
    """Serve as SageMaker would: IMAGE (else the last build), the model read-only, `serve`.

    With --invoke the answers are on stdout, byte for byte, and the server is stopped. Without it the URL is
    on stdout and the logs on stderr until Ctrl-C, which stops as the service does (SIGTERM, 30 s).
    """
    from byoc_kit.job.arguments import pairs
    from byoc_kit.work.run import ServeOptions, run_serve, shell_serve

    given["environment"] = pairs(given["environment"], option="--env")
    single = given["target"] != "pipeline" and len(images) < 2 and len(models) < 2
    image = images[0] if images else None
    if single:
        options = ServeOptions(model=models[0] if models else None, **given)
    else:
        options = ServeOptions(images=images, models=models, **given)
    project = project_of(file, image)
    if shell:
        shell_serve(project, image=image, options=options, talk=talk())
        return

    def ready(endpoint: "Endpoint") -> None:
        emit(endpoint.server.url, _endpoint_json(endpoint), as_json=as_json)

    live = given["target"] == "streaming" and not as_json
    result = run_serve(
        project, image=image, options=options, talk=talk(), ready=ready, take=_print_piece if live else None
    )
    if as_json:
        emit("", _serve_json(result), as_json=True)
    elif not live:
        _print_bodies(result)


def _print_piece(piece: bytes) -> None:
    """A part of an answer, as soon as it has come."""
    click.echo(piece, nl=False)
    sys.stdout.flush()


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
