"""``byoc run process``."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.common import emit, talk
from byoc_kit.cli.run_common import PATH, container_options, project_of

if TYPE_CHECKING:
    from byoc_kit.work.process import ProcessResult

__all__ = ["process"]

AFTER = "byoc.arguments"


class WithArguments(click.Command):
    """A command whose words after ``--`` are the container's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take them away before click looks: it would take the first one for IMAGE."""
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta[AFTER] = tuple(args[cut + 1 :]) or None
        return super().parse_args(ctx, args[:cut])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """With what click does not know of."""
        return [*super().collect_usage_pieces(ctx), "[-- ARGUMENTS...]"]


@click.command(
    cls=WithArguments,
    short_help="Process, as a processing job does.",
    epilog="""\b
Examples:
  byoc run process                                the last build, with what byoc.toml says
  byoc run process --input raw=data --output clean -- --days 3
  byoc run process docker:prep:latest --input code=src:/opt/ml/processing/input/code
      --entrypoint "python3 /opt/ml/processing/input/code/process.py"
  byoc run process --job request.json --input raw=data --hosts 2
""",
)
@click.argument("image", required=False)
@click.option(
    "--input",
    "inputs",
    metavar="NAME=PATH[:LOCALPATH]",
    multiple=True,
    help="A file or folder of this machine, or s3://...; LOCALPATH is its place in the container.",
)
@click.option("--fetch", is_flag=True, help="Fetch the job file's inputs from S3.")
@click.option(
    "--output",
    "outputs",
    metavar="NAME[:LOCALPATH]",
    multiple=True,
    help="A folder that the container fills.  [LOCALPATH: /opt/ml/processing/output/NAME]",
)
@click.option(
    "--entrypoint", metavar="WORDS", help="In place of the image's own; quoted, split as by a shell."
)
@click.option("--job", "job_file", type=PATH, metavar="FILE", help="A CreateProcessingJob request as JSON.")
@click.option(
    "--hosts",
    type=int,
    metavar="N",
    help="How many hosts, each a container.  [default: the job file's, or 1]",
)
@click.option("--isolated", is_flag=True, help="No network but between the hosts (EnableNetworkIsolation).")
@click.option("--instance-type", help="What the config file says.  [default: ml.m5.xlarge]")
@click.option(
    "--time-limit", type=click.FloatRange(min=1), metavar="SECONDS", help="Stop the job after so long."
)
@container_options
def process(image: str | None, file: Path | None, as_json: bool, shell: bool, **given: Any) -> None:
    """Process as SageMaker would: IMAGE (else the last build), /opt/ml/processing, and no word.

    The image's own entrypoint runs, unless --entrypoint names another; words after -- are its arguments
    and replace the image's CMD. The logs come live on stderr; stdout gets the run's folder, with the
    outputs in it.
    """
    from byoc_kit.job.arguments import pairs
    from byoc_kit.work.process import ProcessOptions, run_process, shell_process

    for name, option in (("inputs", "--input"), ("environment", "--env")):
        given[name] = pairs(given[name], option=option)
    if given["entrypoint"] is not None:
        given["entrypoint"] = _words(given["entrypoint"])
    options = ProcessOptions(arguments=click.get_current_context().meta[AFTER], **given)
    project = project_of(file, image)
    if shell:
        click.echo(shell_process(project, image=image, options=options, talk=talk()))
        return
    result = run_process(project, image=image, options=options, talk=talk())
    for output, files in result.outputs.items():
        click.echo(f"{output}: {len(files)} files, {sum(files.values()):,} B", err=True)
    if result.message:
        click.echo(f"exit message: {result.message}", err=True)
    emit(str(result.run), _process_json(result), as_json=as_json)


def _words(text: str) -> list[str]:
    from byoc_kit.errors import UsageError

    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"--entrypoint {text!r} cannot be split into words",
            why=str(error),
            fix="close every quote, as for a shell",
            id="BYOC-E440",
        ) from error


def _process_json(result: "ProcessResult") -> dict[str, object]:
    return {
        "schema": "byoc/run-process/1",
        "status": "Completed",
        "image": result.image,
        "run": str(result.run),
        "outputs": {
            name: {"path": str(result.run / "output" / name), "files": dict(files)}
            for name, files in result.outputs.items()
        },
        "message": result.message,
        "seconds": round(result.seconds, 3),
        "exit_code": 0,
    }
