"""``byoc verify``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.common import file_option, json_option, talk

if TYPE_CHECKING:
    from byoc_kit.contract.types import Report
    from byoc_kit.spec.types import Target
    from byoc_kit.work.project import Project
    from byoc_kit.work.verify import VerifyOptions

__all__ = ["verify"]

BROKEN = 3  # exit code: the image breaks the contract
UNDECIDED = 4  # exit code: --require-dynamic, and what needs a run of the image was not seen
PATH = click.Path(path_type=Path)
PAIRS = (("hyperparameters", "--hp"), ("channels", "--channel"), ("metrics", "--metric"))


@click.command(
    epilog="""\b
Examples:
  byoc verify                                         the last build of this project
  byoc verify docker:churn:latest --target training
  byoc verify registry.example/team/churn@sha256:...  --depth static: no engine needed
  byoc verify --only SIG --depth service              stopping, with the service's own times
  byoc verify --request sample.csv --expect setosa    a request of yours
  byoc verify --format junit -o verify.xml            for CI; also sarif, html, json
  byoc verify --save-evidence seen && byoc verify --evidence seen
"""
)
@click.argument("image", required=False)
@file_option
@json_option
@click.option(
    "--target",
    "names",
    metavar="NAME[,NAME]",
    multiple=True,
    help="Job types to judge for, e.g. training,hosting; else those of byoc.toml.",
)
@click.option(
    "--depth",
    type=click.Choice(["static", "quick", "service"]),
    help="static: nothing is run; quick: with compressed times; service: real ones.  [default: quick]",
)
@click.option("--only", metavar="ID", multiple=True, help="Judge these clauses: IMG-02, SIG, INF-0*.")
@click.option("--skip", metavar="ID", multiple=True, help="Leave these clauses out.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first clause that fails.")
@click.option(
    "--require-dynamic", is_flag=True, help="Exit code 4 where something that needs a run was not seen."
)
@click.option("--hp", "hyperparameters", metavar="K=V", multiple=True, help="A hyperparameter to train with.")
@click.option("--channel", "channels", metavar="NAME=PATH", multiple=True, help="A channel to train with.")
@click.option(
    "--metric", "metrics", metavar="NAME=REGEX", multiple=True, help="A metric that must be printed."
)
@click.option("--model", type=PATH, metavar="PATH", help="A folder or model.tar.gz to serve.")
@click.option("--request", type=PATH, metavar="FILE", help="A request to send to endpoints.")
@click.option("--content-type", metavar="TYPE", help="Its content type; else by the file's name.")
@click.option("--expect", metavar="REGEX", help="What its answer must hold.")
@click.option("--save-evidence", "save", type=PATH, metavar="DIR", help="Keep what was seen.")
@click.option("--evidence", type=PATH, metavar="DIR", help="Judge what was kept, in place of an image.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit", "sarif", "html"]),
    default="text",
    help="Form of the report.",
)
@click.option(
    "-o", "--output", type=PATH, metavar="FILE", help="Write the report there; stdout gets the text."
)
def verify(image: str | None, file: Path | None, as_json: bool, **given: Any) -> None:
    """Check an image against SageMaker's contract, clause by clause.

    Reads what it says of itself, then runs it as the service would: train, stop, serve, ping, ask. It runs
    without the network, without added rights and without your credentials. Exit code 3 if a clause that must
    hold is broken.
    """
    report = _report(image, file, given)
    _print(report, "json" if as_json else given["form"], given["output"])
    if not report.ok:
        sys.exit(BROKEN)
    if given["require_dynamic"] and (report.undecided or report.depth == "static"):
        click.echo(f"not judged: {_undecided(report)}", err=True)
        sys.exit(UNDECIDED)


def _report(image: str | None, file: Path | None, given: dict[str, Any]) -> "Report":
    from byoc_kit.work.verify import verify as do
    from byoc_kit.work.verify import verify_saved

    targets, options = _targets(given["names"]), _options(given)
    if given["evidence"] is not None:
        if image is not None:
            raise click.UsageError("--evidence takes the place of IMAGE")
        return verify_saved(given["evidence"], _near(file), targets=targets, options=options)
    project = _project(file) if image is None or file is not None else None
    return do(project, image=image, targets=targets, options=options, talk=talk())


def _options(given: dict[str, Any]) -> "VerifyOptions":
    from byoc_kit.contract.evidence import Depth
    from byoc_kit.job.arguments import pairs
    from byoc_kit.work.cases import CaseOptions
    from byoc_kit.work.verify import VerifyOptions

    case: dict[str, Any] = {name: pairs(given[name], option=option) for name, option in PAIRS}
    case |= {name: given[name] for name in ("model", "request", "content_type", "expect")}
    return VerifyOptions(
        depth=Depth(given["depth"]) if given["depth"] else None,
        only=_names(given["only"]),
        skip=_names(given["skip"]),
        fail_fast=given["fail_fast"],
        save=given["save"],
        case=CaseOptions(**case),
    )


def _project(file: Path | None) -> "Project":
    from byoc_kit.work.project import load

    return load(file)


def _near(file: Path | None) -> "Project | None":
    """The project of *file*, or of this folder if it is one."""
    from byoc_kit.work.project import found

    return _project(file) if file is not None or found(Path.cwd()) else None


def _names(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def _print(report: "Report", form: str, output: Path | None) -> None:
    from byoc_kit.contract.formats import FORMATS
    from byoc_kit.work.verify import write_report

    written = FORMATS[form](report)
    if output is None:
        click.echo(written.removesuffix("\n"))
        return
    write_report(output, written)
    click.echo(FORMATS["text"](report))


def _undecided(report: "Report") -> str:
    if report.not_run:
        return report.not_run
    return ", ".join(f"{each.id} ({each.evidence})" for each in report.undecided[:3])


def _targets(names: tuple[str, ...]) -> "tuple[Target, ...]":
    from byoc_kit.spec.types import Target

    asked = _names(names)
    unknown = [name for name in asked if name not in set(Target)]
    if unknown:
        raise click.BadParameter(
            f"{unknown[0]!r} is no target; there are: {', '.join(Target)}", param_hint="--target"
        )
    return tuple(Target(name) for name in dict.fromkeys(asked))
