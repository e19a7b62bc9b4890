"""``byoc doctor``."""

import json
import sys
import textwrap
from pathlib import Path

import click

from byoc_kit.cli.aws_options import aws_options, chosen_aws
from byoc_kit.cli.common import emit, file_option, json_option

__all__ = ["doctor"]


@click.command(epilog="Example: byoc doctor --json")
@file_option
@json_option
@aws_options
def doctor(file: Path | None, as_json: bool, **aws: str | None) -> None:
    """What on this machine would stop you, and the exact fix. Exit code 1 if something would."""
    from byoc_kit.work.doctor import Check, State, examine

    def text(check: Check) -> str:
        line = f"{check.state.value:<6}{check.name:<14}{check.seen}"
        lines = [line, *([f"{'':<20}fix: {check.fix}"] if check.fix else [])]
        for title, document in check.documents.items():
            lines += [f"{'':<20}{title}:", textwrap.indent(json.dumps(document, indent=2), " " * 20)]
        return "\n".join(lines)

    checks = []
    for check in examine(file, options=chosen_aws(aws)):
        checks.append(check)
        if not as_json:
            click.echo(text(check))
    failed = [check.name for check in checks if check.state is State.FAIL]
    if as_json:
        found = [
            {
                "name": check.name,
                "state": check.state.value,
                "seen": check.seen,
                "fix": check.fix,
                "documents": dict(check.documents),
            }
            for check in checks
        ]
        emit("", {"schema": "byoc/doctor/1", "ok": not failed, "checks": found}, as_json=True)
    if failed:
        sys.exit(1)
