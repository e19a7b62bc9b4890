"""``byoc run transform``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.common import emit, talk
from byoc_kit.cli.run_common import PATH, container_options, project_of

if TYPE_CHECKING:
    from byoc_kit.work.transform import TransformResult

__all__ = ["transform"]


def _choice(*words: str) -> click.Choice[str]:
    return click.Choice(words, case_sensitive=False)


@click.command(
    short_help="Transform a batch of files.",
    epilog="""\b
Examples:
  byoc run transform --input data/                      each file is one request
  byoc run transform --input rows.csv --split Line --assemble Line --accept text/csv
  byoc run transform --input rows.jsonl --split Line --strategy SingleRecord --max-concurrent 4
  byoc run transform --input rows.csv --split Line --assemble Line --accept text/csv --join \\
      --input-filter '$[1:]' --output-filter '$[0,-1]'
  byoc run transform --job request.json --input data/   a CreateTransformJob request
""",
)
@click.argument("image", required=False)
@click.option("--input", "source", metavar="PATH", help="A file, a folder of files, or s3://BUCKET/PREFIX.")
@click.option("--fetch", is_flag=True, help="Fetch the data of the job file from S3.")
@click.option(
    "--output", "into", type=PATH, metavar="DIR", help="For the .out files.  [default: in .byoc/runs]"
)
@click.option(
    "--model", type=PATH, help="A folder or a model.tar.gz.  [default: of the newest successful run]"
)
@click.option("--job", "job_file", type=PATH, metavar="FILE", help="A CreateTransformJob request as JSON.")
@click.option("--content-type", metavar="T", help="Of the input.  [default: by the first file's name]")
@click.option("--accept", metavar="T", help="The Accept header.  [default: none is sent]")
@click.option(
    "--split", type=_choice("None", "Line", "RecordIO", "TFRecord"), help="SplitType.  [default: None]"
)
@click.option(
    "--compression", type=_choice("None", "Gzip"), help="CompressionType of the input.  [default: None]"
)
@click.option("--assemble", type=_choice("None", "Line"), help="AssembleWith.  [default: None]")
@click.option(
    "--strategy",
    type=_choice("SingleRecord", "MultiRecord"),
    help="BatchStrategy.  [default: the container's, else MultiRecord]",
)
@click.option(
    "--max-payload",
    type=click.IntRange(0, 100),
    metavar="MB",
    help="[default: the container's, else 6; 0: any]",
)
@click.option(
    "--max-concurrent", type=click.IntRange(1), help="Requests at a time.  [default: the container's, else 1]"
)
@click.option(
    "--timeout", type=click.IntRange(1, 3600), metavar="SECONDS", help="For one answer.  [default: 600]"
)
@click.option("--retries", type=click.IntRange(0, 3), help="After the first attempt.  [default: 3]")
@click.option("--join", is_flag=True, default=None, help="Write the input with each answer (JoinSource).")
@click.option("--input-filter", metavar="JSONPATH", help="What of a record is sent.")
@click.option("--output-filter", metavar="JSONPATH", help="What of the (joined) answer is written.")
@click.option(
    "--startup",
    type=click.FloatRange(min=1),
    default=480.0,
    show_default=True,
    metavar="SECONDS",
    help="How long /ping may take to answer 200.",
)
@container_options
def transform(image: str | None, file: Path | None, as_json: bool, shell: bool, **given: Any) -> None:
    """Transform files as a batch transform job would: IMAGE (else the last build), `serve`.

    The container is asked how it wants to be sent requests. Each input file NAME becomes NAME.out; stdout is
    the folder they are in. Ctrl-C stops the job and leaves no half files.
    """
    from byoc_kit.job.arguments import pairs
    from byoc_kit.work.transform import TransformOptions, run_transform, shell_transform

    given["environment"] = pairs(given["environment"], option="--env")
    options, project = TransformOptions(**given), project_of(file, image)
    if shell:
        shell_transform(project, image=image, options=options, talk=talk())
        return
    result = run_transform(project, image=image, options=options, talk=talk())
    emit(str(result.output), _json(result), as_json=as_json)


def _json(result: "TransformResult") -> dict[str, object]:
    return {
        "schema": "byoc/run-transform/1",
        "status": "Completed",
        "image": result.image,
        "model": result.model and str(result.model),
        "output": str(result.output),
        "files": [
            {
                "name": file.name,
                "output": str(file.output),
                "records": file.records,
                "requests": file.requests,
            }
            for file in result.files
        ],
        "batch_strategy": result.parameters.strategy,
        "max_concurrent_transforms": result.parameters.max_concurrent,
        "max_payload_in_mb": result.parameters.max_payload,
        "seconds": result.seconds,
    }
