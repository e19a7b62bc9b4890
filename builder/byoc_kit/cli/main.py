"""The command ``byoc``: verbs are loaded when they are used, errors end here, exit codes are chosen here."""

import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click

from byoc_kit import __version__
from byoc_kit.cli.lazy import LazyGroup
from byoc_kit.errors import ByocError

__all__ = ["VERBS", "cli", "main"]

VERBS = {
    "init": "Scaffold a working project in one of the four styles.",
    "build": "Build the image of this project.",
    "plan": "Print what a build would do, and change nothing.",
    "inspect": "What an image holds, without running it.",
    "diff": "What the base lacks of what is asked for: added, changed, there, refused.",
    "lock": "Write down which wheels the image gets, for which base.",
    "render": "Write the Dockerfile, or a folder that plain docker build understands.",
    "run": "Run the image here exactly as SageMaker would start it.",
    "verify": "Check an image against SageMaker's contract.",
    "copy": "Copy an image between registries, layouts, archives and the engine.",
    "bases": "The catalogue of prebuilt images: search, show, resolve, update.",
    "publish": "Build, push, read back, tag, and write the record.",
    "promote": "Let a tag mean another image of its repository; also back.",
    "replicate": "Copy a published image to other regions, accounts and registries.",
    "record": "Show the record of a published image, with ready snippets.",
    "repository": "The repository in Amazon ECR as byoc.toml says it: what differs, and making it so.",
    "doctor": "What on this machine would stop you, and the exact fix.",
    "explain": "An error or a clause of the contract in full.",
    "schema": "The JSON Schema of byoc.toml, for editors.",
    "config": "Settings, and where each of them came from.",
    "cache": "What byoc keeps on this disk, and how to free it.",
    "clean": "Remove what runs and builds left in this project.",
    "completion": "Print a completion script for bash, zsh or fish.",
}
"""Verb to the line that ``byoc --help`` shows; the module of the same name in this package has the rest."""

BUG = 70  # exit code: EX_SOFTWARE of sysexits.h


@click.group(
    cls=LazyGroup,
    table=VERBS,
    prefix="byoc_kit.cli.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: byoc init churn --style script-mode-1 && cd churn && byoc build && byoc run train",
)
@click.version_option(__version__, prog_name="byoc")
def cli() -> None:
    """Bring your own container to Amazon SageMaker.

    One byoc.toml (or your own Dockerfile) becomes an image that trains and serves; every step
    runs here first, before anything is billed.
    """


def main() -> NoReturn:
    """Run ``byoc`` with the arguments of this process and exit with its code."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = cli.main(prog_name="byoc", standalone_mode=False)
    except ByocError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        _tell_bug(error)
        sys.exit(BUG)
    sys.exit(code if isinstance(code, int) else 0)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM unwinds like an exception, so that containers are removed on the way; then 128 + 15."""
    raise SystemExit(128 + number)


def _tell(error: ByocError) -> None:
    """An error for a person on stderr; for a machine (``--json``) as one object on stdout."""
    if "--json" in sys.argv:
        import json

        click.echo(json.dumps(error.to_json(), indent=2))
    click.echo(f"{click.style('error', fg='red', bold=True)} [{error.id}]: {error}", err=True)
    click.echo(f"  more: byoc explain {error.id}", err=True)


def _tell_bug(error: Exception) -> None:
    """A bug of ours: the traceback goes to a file, one line of it to the screen."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="byoc-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"byoc {__version__}, python {sys.version}, {sys.platform}\n")
        traceback.print_exception(error, file=file)
    click.echo(f"error: a bug of byoc: {type(error).__name__}: {_first_line(error)}", err=True)
    click.echo("  why: this should have been told as an error you can act on; it is not your fault", err=True)
    click.echo(
        f"  fix: report it with the file {file.name} (look through it first: it may name your paths)",
        err=True,
    )


def _first_line(value: Any) -> str:
    return (str(value).splitlines() or [""])[0]
