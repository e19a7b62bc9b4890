"""A shell inside the container, as the service would start it; the docker CLI lends its terminal."""

import os
import subprocess
import sys
from collections.abc import Mapping

from byoc_kit.errors import ByocError
from byoc_kit.job.container import ContainerPlan, docker_run, with_shell

__all__ = ["open_shell"]


def open_shell(plan: ContainerPlan, environ: Mapping[str, str] = os.environ) -> int:
    """Open a shell in a container like *plan* and give its exit code. Raises ByocError without a CLI."""
    words = docker_run(with_shell(plan), interactive=sys.stdin.isatty())
    try:
        return subprocess.run(words, env={**environ, **plan.secrets}, check=False).returncode
    except FileNotFoundError as error:
        raise ByocError(
            "the docker command was not found",
            why="--shell needs it for the terminal; everything else talks to the engine directly",
            fix="install the docker CLI, or run without --shell",
            id="BYOC-E421",
        ) from error
