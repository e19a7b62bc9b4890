"""Somebody without Docker and without root, who can write to his home only, extends a base in a registry."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import docker
import pytest
from docker.models.containers import Container

from rig.projects import Command

pytestmark = pytest.mark.engine

USER = 12345
HOME = "/home/newcomer"
TOML = """
[image]
name = "newcomer"
style = "basic"
base = "{registry}/newcomer/base:1"
targets = ["processing"]

[python]
requirements = ["humanize"]

[process]
program = "work.py"

[publish]
repository = "{registry}/newcomer/image"
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def machine(
    engine: docker.DockerClient,
    base: str,
    registry: str,
    byoc: Command,
    wheel: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Container]:
    """A machine that has Python and nothing else: no engine, no root, a home and a read-only rest."""
    byoc("copy", f"docker:{base}", f"{registry}/newcomer/base:1")
    home = tmp_path_factory.mktemp("newcomer")
    (home / "project" / "src").mkdir(parents=True)
    (home / "project" / "byoc.toml").write_text(TOML.format(registry=registry))
    (home / "project" / "src" / "work.py").write_text("import humanize\nprint(humanize.intcomma(1234567))\n")
    (home / wheel.name).write_bytes(wheel.read_bytes())
    for path in [home, *home.rglob("*")]:
        os.chown(path, USER, USER)
    container = engine.containers.run(
        base,
        ["sleep", "600"],
        name=f"byoc-newcomer-{uuid.uuid4().hex[:8]}",
        user=f"{USER}:{USER}",
        environment={"HOME": HOME},
        volumes={str(home): {"bind": HOME, "mode": "rw"}},
        read_only=True,
        network_mode="host",
        working_dir=f"{HOME}/project",
        detach=True,
    )
    try:
        run(container, "python3 -m venv ~/venv && ~/venv/bin/pip install -q --no-cache-dir ~/*.whl")
        container.update(mem_limit="300m", memswap_limit="300m")
        yield container
    finally:
        container.remove(force=True)


def run(container: Container, line: str) -> str:
    code, streams = container.exec_run(["sh", "-c", line], demux=True)
    out, err = cast("tuple[bytes | None, bytes | None]", streams)
    assert code == 0, (err or b"").decode()
    return (out or b"").decode()


def test_the_image_is_built_in_300_mb_and_runs_in_docker_elsewhere(
    machine: Container, engine: docker.DockerClient
) -> None:
    printed = run(machine, "~/venv/bin/byoc build --output registry").strip()
    machine.reload()
    assert machine.attrs["State"]["OOMKilled"] is False
    image = engine.images.pull(printed)
    output = engine.containers.run(image, ["python3", "/opt/program/work.py"], remove=True)
    assert output == b"1,234,567\n"


def test_docker_need_not_even_be_importable(machine: Container) -> None:
    program = (
        "import sys; sys.modules['docker'] = None; sys.argv = ['byoc', 'build', '--engine', 'layer', "
        "'--output', 'oci:image']; from byoc_kit.cli.main import main; main()"
    )
    printed = run(machine, f'PATH= ~/venv/bin/python -c "{program}"')
    assert printed.startswith("oci:")
    verified = run(machine, "~/venv/bin/byoc verify oci:image --target processing")
    assert "nothing static speaks against: processing" in verified
