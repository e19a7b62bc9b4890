"""What an installed environment holds, told by its own interpreter."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from byoc_kit.errors import UsageError
from byoc_kit.plan.environment import Environment, Installed
from byoc_kit.resolve.credentials import hide
from byoc_kit.resolve.simple import local_path

__all__ = ["active_python", "read_environment"]

SECONDS = 60.0
PROGRAM = """
import json, os, platform, sys
from importlib import metadata
found = {}
for each in metadata.distributions():
    name = each.metadata["Name"]
    if name and name.lower() not in found:
        found[name.lower()] = {
            "name": name, "version": each.version, "requires": each.requires or [],
            "requested": each.read_text("REQUESTED") is not None, "installer": each.read_text("INSTALLER"),
            "direct_url": each.read_text("direct_url.json"),
        }
python = platform.python_version()
markers = {
    "implementation_name": sys.implementation.name, "implementation_version": python, "os_name": os.name,
    "platform_machine": platform.machine(), "platform_release": platform.release(),
    "platform_python_implementation": platform.python_implementation(), "platform_system": platform.system(),
    "platform_version": platform.version(), "python_full_version": python,
    "python_version": ".".join(platform.python_version_tuple()[:2]), "sys_platform": sys.platform,
    "extra": "",
}
print(json.dumps({"python": python, "markers": markers, "distributions": list(found.values())}))
"""
"""Python 3.8 or newer runs it; the first of two distributions of one name is the one that is imported."""


def active_python(environ: Mapping[str, str] = os.environ) -> Path:
    """The interpreter of the activated environment, else ``python3`` of PATH. Raises UsageError."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environ.get(name):
            return _interpreter(Path(environ[name]))
    for name in ("python3", "python"):
        if found := shutil.which(name, path=environ.get("PATH")):
            return Path(found)
    raise _unreadable("no environment is active", "neither VIRTUAL_ENV nor a python3 on PATH was found")


def read_environment(place: Path | None, environ: Mapping[str, str] = os.environ) -> Environment:
    """What *place* holds: a virtual environment's folder or an interpreter; None: the active one.

    Raises UsageError (BYOC-E912).
    """
    python = active_python(environ) if place is None else _interpreter(place)
    try:
        with tempfile.TemporaryDirectory(prefix="byoc-") as folder:
            done = subprocess.run(
                [str(python), "-c", PROGRAM],
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=True,
            )
        told = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise _unreadable(f"{python} does not say what it has", lines[-1] if lines else "") from error
    installed = sorted((_installed(each) for each in told["distributions"]), key=lambda each: each.name)
    return Environment(
        executable=str(python),
        python=told["python"],
        markers=told["markers"],
        distributions=tuple(installed),
    )


def _interpreter(place: Path) -> Path:
    """The interpreter that *place* is or has; its links are not followed: they say which environment."""
    absolute = Path(os.path.abspath(place))  # noqa: PTH100 - resolve() would follow the link of a venv
    for path in (absolute, absolute / "bin" / "python", absolute / "Scripts" / "python.exe"):
        if path.is_file():
            return path
    raise _unreadable(f"{place} is no Python environment", "it has no bin/python")


def _installed(told: Mapping[str, Any]) -> Installed:
    try:
        direct = json.loads(told["direct_url"] or "{}")
    except ValueError:
        direct = {}
    url = str(direct.get("url", ""))
    path = local_path(url) if urlsplit(url).scheme == "file" else None
    installer = (told["installer"] or "").strip()
    folder = path if path is not None and path.is_dir() else None
    conda = installer == "conda"  # its URLs name the machine that built the package
    return Installed(
        name=canonicalize_name(told["name"]),
        version=told["version"],
        requires=tuple(told["requires"]),
        requested=bool(told["requested"]) and installer != "uv",  # which marks everything
        folder=PurePosixPath(folder) if folder and not conda else None,
        editable=bool(direct.get("dir_info", {}).get("editable")),
        elsewhere=hide(url) if url and folder is None and not conda else None,
    )


def _unreadable(what: str, why: str) -> UsageError:
    return UsageError(
        what,
        why=why or "its interpreter does not start",
        fix="name a virtual environment's folder or an interpreter: --from-env PATH",
        id="BYOC-E912",
    )
