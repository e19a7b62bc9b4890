"""``byoc lock``."""

from pathlib import Path

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

__all__ = ["lock"]

EVERYTHING = ""


@click.command(epilog="Example: byoc lock && git add pylock.byoc.toml")
@file_option
@json_option
@click.option(
    "--check", is_flag=True, help="Write nothing; end with 1 if the lock is missing or stale, and say why."
)
@click.option(
    "--upgrade",
    is_flag=False,
    flag_value=EVERYTHING,
    multiple=True,
    metavar="[NAME]",
    help="Take the newest NAME that fits; without a name the newest of everything, the base's tag included.",
)
def lock(file: Path | None, as_json: bool, check: bool, upgrade: tuple[str, ...]) -> None:
    """Write down exactly which wheels the image gets on top of its base: pylock.byoc.toml.

    What the lock has already keeps its version where that still fits. Prints the file's path.
    """
    from byoc_kit.work.lock import check_lock, make_lock
    from byoc_kit.work.project import load

    if check and upgrade:
        raise click.UsageError("--check and --upgrade exclude each other.")
    project, voice = load(file), talk()
    if check:
        path, why = check_lock(project, talk=voice)
        for line in why:
            voice.say(line)
        data = {"schema": "byoc/lock/1", "path": str(path), "fresh": not why, "changed": list(why)}
        emit(f"{path} is {'stale' if why else 'fresh'}", data, as_json=as_json)
        raise SystemExit(1 if why else 0)
    from byoc_kit.plan.delta import delta_json, describe_delta

    made = make_lock(project, upgrade=upgrade, talk=voice)
    voice.say(describe_delta(made.delta))
    voice.say(f"{made.path.name} {'is written' if made.changed else 'was up to date'}")
    data = {
        "schema": "byoc/lock/1",
        "path": str(made.path),
        "changed": made.changed,
        "delta": delta_json(made.delta),
    }
    emit(str(made.path), data, as_json=as_json)
