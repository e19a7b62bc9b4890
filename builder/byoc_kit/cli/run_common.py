"""What the commands of ``byoc run`` share: options of any container, and the project they belong to."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.common import file_option, json_option

if TYPE_CHECKING:
    from byoc_kit.work.project import Project

__all__ = ["PATH", "container_options", "options_of_containers", "project_of"]

PATH = click.Path(path_type=Path)


def container_options(function: Any) -> Any:
    """What ``train``, ``serve`` and others share: options of any container, and a shell in its place."""
    shell = click.option(
        "--shell", is_flag=True, help="Open a shell in the container instead of starting it."
    )
    return options_of_containers(shell(function))


def options_of_containers(function: Any) -> Any:
    """The parameters are those of ContainerOptions."""
    options = [
        click.option(
            "--env", "environment", metavar="K=V", multiple=True, help="A variable for the container."
        ),
        click.option(
            "--live", is_flag=True, help="Mount the source over the code in the image: no build needed."
        ),
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


def project_of(file: Path | None, image: str | None) -> "Project | None":
    """The project that ``-f`` or this folder names; None where there is none and IMAGE says what to run."""
    from byoc_kit.errors import UsageError
    from byoc_kit.work.project import load

    try:
        return load(file)
    except UsageError as error:
        if image is None or file is not None or error.id != "BYOC-E103":
            raise
        return None
