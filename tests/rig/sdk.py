"""The SageMaker SDKs as clients: each major version in an environment of its own, pinned by hash."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import uv

from rig.machine import Missing, cache, exclusive, install, say

__all__ = ["compose", "index_settings", "sdk_python"]

NEEDS = {"docker-compose": "docker-compose"}
REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def sdk_python(major: int) -> Path:
    """The interpreter of an environment that holds the SDK *major*; made once (20 s), kept in the cache."""
    requirements = REQUIREMENTS / f"sdk{major}.txt"
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = cache() / f"sdk{major}-{key}"
    with exclusive(f"sdk{major}"):
        if not (home / ".complete").exists():
            _make(home, requirements, major)
    return home / "bin" / "python"


def _make(home: Path, requirements: Path, major: int) -> None:
    for stale in cache().glob(f"sdk{major}-*"):
        shutil.rmtree(stale)
    say(f"installing the SageMaker SDK {major} for tests into {home}")
    _uv("venv", "--quiet", "--python", sys.executable, str(home))
    _uv("pip", "sync", "--quiet", "--require-hashes", f"--python={home}/bin/python", str(requirements))
    (home / ".complete").touch()


def compose() -> None:
    """Have docker-compose, by which both SDKs start containers."""
    install(NEEDS)


def index_settings(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What uv must be told about indexes: it reads none of pip's settings, where mirrors often are."""
    told = {
        "UV_DEFAULT_INDEX": environ.get("PIP_INDEX_URL") or _pip("global.index-url"),
        "SSL_CERT_FILE": environ.get("PIP_CERT") or _pip("global.cert"),
    }
    return {name: value for name, value in told.items() if value and not environ.get(name)}


def _pip(key: str) -> str:
    """A setting of pip's configuration files; empty if there is none."""
    command = [sys.executable, "-m", "pip", "config", "get", key]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _uv(*args: str) -> None:
    command = [uv.find_uv_bin(), *args]
    done = subprocess.run(
        command, env={**os.environ, **index_settings()}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Missing(f"uv {args[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
