"""A container registry on loopback: the reference implementation, Debian package docker-registry."""

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from rig.machine import Missing, free_port, install, program, running, wait_for

__all__ = ["registry"]

NEEDS = {"docker-registry": "docker-registry"}


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """``127.0.0.1:PORT`` of an empty registry that speaks plain HTTP; its blobs are below *folder*."""
    install(NEEDS)
    address = f"127.0.0.1:{free_port()}"
    config = folder / "config.yml"
    config.write_text(json.dumps(_config(folder, address)))  # JSON is YAML
    command = [program("docker-registry") or "docker-registry", "serve", str(config)]
    log = folder / "log"
    with running(command, log=log) as process:
        if not wait_for(lambda: _answers(address), seconds=20, process=process):
            raise Missing(f"docker-registry does not come up:\n{log.read_text(errors='replace')[-2000:]}")
        yield address


def _config(folder: Path, address: str) -> dict[str, object]:
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}}
    return {"version": "0.1", "log": {"level": "warn"}, "storage": storage, "http": {"addr": address}}


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
