"""``byoc diff``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

if TYPE_CHECKING:
    from byoc_kit.work.diff import Comparison
    from byoc_kit.work.project import Project

__all__ = ["diff"]

ACTIVE = "the active one"


@click.command(epilog="Example: byoc diff --from-env .venv --base docker:mybase:dev")
@file_option
@json_option
@click.option(
    "--from-env",
    is_flag=False,
    flag_value=ACTIVE,
    metavar="[VENV]",
    help="Compare an installed environment: a folder or an interpreter; without a value the active one.",
)
@click.option(
    "-r",
    "--requirements",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Compare a requirements file, pyproject.toml, pylock.toml or uv.lock. May be repeated.",
)
@click.option("--base", metavar="IMAGE", help="Another base than byoc.toml's.")
def diff(
    file: Path | None, as_json: bool, from_env: str | None, files: tuple[Path, ...], base: str | None
) -> None:
    """What the base lacks of what is asked for: added, changed, already there, refused.

    Asked for is what byoc.toml says; with --from-env or -r that environment or those files instead. Ends
    with 1 where the base refuses something.
    """
    from byoc_kit.plan.delta import delta_json
    from byoc_kit.work.diff import DiffOptions
    from byoc_kit.work.diff import diff as do

    if from_env is not None and files:
        raise click.UsageError("--from-env and -r exclude each other.")
    options = DiffOptions(
        files=files,
        from_env=None if from_env in {None, ACTIVE} else Path(str(from_env)),
        active=from_env == ACTIVE,
        base=base,
    )
    found = do(_project(file, base), options, talk=talk())
    data = {
        **delta_json(found.delta),
        "base": found.base,
        "environment": found.environment,
        "local": [{"name": each.name, "folder": str(each.folder)} for each in found.local],
        "elsewhere": [{"name": name, "origin": origin} for name, origin in found.elsewhere],
        "unbuilt": [{"name": name, "why": why} for name, why in found.unbuilt],
        "others": [{"name": name, "here": here, "version": there} for name, here, there in found.others],
        "left_out": list(found.left_out),
    }
    emit("\n".join(_lines(found)), data, as_json=as_json)
    if found.delta.refused:
        raise SystemExit(1)


def _project(file: Path | None, base: str | None) -> "Project | None":
    """The project; None where there is none and a base is named."""
    from byoc_kit.work.project import found, load

    return None if file is None and base is not None and found(Path.cwd()) is None else load(file)


def _lines(found: "Comparison") -> list[str]:
    from byoc_kit.plan.delta import describe_delta

    lines = [describe_delta(found.delta)]
    if found.others:
        lines.append("in another version than here, because of what the base has:")
        lines += [f"  {name} {there} (here {here})" for name, here, there in found.others]
    if found.elsewhere:
        lines.append("not from an index, so not counted (publish a wheel, or use the docker engine):")
        lines += [f"  {name}: {origin}" for name, origin in found.elsewhere]
    if found.unbuilt:
        lines.append("local, and no wheel can be made of it here:")
        lines += [f"  {name}: {why}" for name, why in found.unbuilt]
    if found.local:
        lines.append("local; inside the project, name the folder in [python] packages:")
        lines += [f"  {each.name}: {each.folder}{' (editable)' * each.editable}" for each in found.local]
    if found.left_out:
        lines.append(f"tools of this machine, not counted: {', '.join(found.left_out)}")
    return lines
