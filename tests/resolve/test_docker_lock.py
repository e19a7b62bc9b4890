"""The docker engine installs what the lock says, too."""

import re

import docker
import pytest

from rig.projects import Command, Project, edit


@pytest.mark.engine
def test_both_engines_take_their_versions_from_the_lock(
    project: Project, byoc: Command, engine: docker.DockerClient
) -> None:
    """A lock made before a newer release came out: the build does not take that one."""
    root = project("basic")
    byoc("lock", cwd=root)
    lock = root / "pylock.byoc.toml"
    text, count = re.subn(
        r"(?s)(name = \"threadpoolctl\"\nversion = )\"[^\"]+\"", r'\1"3.5.0"', lock.read_text()
    )
    assert count == 1
    lock.write_text(re.sub(r"threadpoolctl-[0-9.]+-py3", "threadpoolctl-3.5.0-py3", text))
    tag = f"byoc-lock-{root.parent.name.lower()}:latest"
    byoc("build", "--engine", "docker", "--frozen", "--tag", tag, cwd=root)
    try:
        told = engine.containers.run(tag, ["python3", "-m", "pip", "freeze"], entrypoint="", remove=True)
    finally:
        engine.images.remove(tag, force=True)
    locked = dict(re.findall(r'(?m)^name = "(.+)"\nversion = "(.+)"', lock.read_text()))
    frozen = dict(line.split("==") for line in told.decode().lower().splitlines() if "==" in line)
    assert {name: frozen.get(name) for name in locked} == locked


@pytest.mark.engine
def test_a_stale_lock_stops_the_docker_engine_too(project: Project, byoc: Command) -> None:
    root = project("basic")
    byoc("lock", cwd=root)
    edit(root / "byoc.toml", {"python": {"requirements": ["six"]}})
    done = byoc("build", "--engine", "docker", cwd=root, check=False)
    assert done.returncode == 1
    assert "[python] requirements: six is new" in done.stderr
