"""byoc doctor: each thing that would stop a user is found, with its fix."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from byoc_kit.oci.reference import parse_location
from byoc_kit.work.doctor import Check, State, examine
from byoc_kit.work.images import open_sink
from rig.images import made_image
from rig.projects import Command

TOML = """\
[image]
name = "churn"
style = "basic"
base = "{base}"

[train]
program = "train.py"
source = "src"

[serve]
program = "train.py"
source = "src"

[publish]
repository = "{repository}"
"""


def examined(tmp_path: Path, environ: Mapping[str, str], text: str | None = None) -> dict[str, Check]:
    """The checks by name, on a machine like *environ*."""
    (tmp_path / "src").mkdir(exist_ok=True)
    (tmp_path / "src" / "train.py").write_text("")
    (tmp_path / "byoc.toml").write_text(text or TOML.format(base="a.example/b", repository="a.example/c"))
    own = {"DOCKER_HOST": "unix:///nowhere", "DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path)}
    return {check.name: check for check in examine(tmp_path / "byoc.toml", own | dict(environ))}


def test_no_engine(tmp_path: Path) -> None:
    found = examined(tmp_path, {})["engine"]
    assert found.state is State.FAIL
    assert "/nowhere" in found.seen
    assert "start it" in found.fix


def test_a_ca_bundle_that_is_not_there(tmp_path: Path) -> None:
    found = examined(tmp_path, {"SSL_CERT_FILE": "/nowhere.pem"})["certificates"]
    assert (found.state, found.fix) == (State.FAIL, "correct or unset SSL_CERT_FILE")
    assert examined(tmp_path, {})["certificates"].state is State.OK


def test_damaged_logins(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    assert examined(tmp_path, {})["logins"].state is State.FAIL
    (tmp_path / "config.json").write_text('{"auths": {"a.example": {"auth": "YTpi"}}}')
    assert examined(tmp_path, {})["logins"].seen.startswith("a.example (")


def test_a_project_with_mistakes_tells_all_of_them(tmp_path: Path) -> None:
    found = examined(tmp_path, {}, '[image]\nname = "churn"\nstyle = "none"\nbase = "a"\nextra = 1\n')
    assert found["project"].state is State.FAIL
    assert "style" in found["project"].seen
    assert "extra" in found["project"].seen
    assert "base" not in found


def test_a_base_that_nobody_has(tmp_path: Path) -> None:
    text = TOML.format(base="127.0.0.1:1/base:1", repository="127.0.0.1:1/churn")
    found = examined(tmp_path, {}, text)
    assert found["base"].state is State.FAIL
    assert "127.0.0.1:1 cannot be reached" in found["base"].seen
    assert found["publish"].state is State.FAIL


def test_a_base_on_this_disk_and_one_that_the_engine_lacks(tmp_path: Path) -> None:
    there = tmp_path / "base"
    cache = {"BYOC_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    with open_sink(parse_location(f"oci:{there}"), environ=cache) as sink:
        sink.write(made_image({"bin/sh": b""}), tag=True)
    states = {}
    for base in (f"oci:{there}", f"oci:{tmp_path / 'none'}", "docker:none"):
        text = TOML.format(base=base, repository="127.0.0.1:1/churn")
        states[base] = examined(tmp_path, cache, text)["base"].state
    assert list(states.values()) == [State.OK, State.FAIL, State.FAIL]


def test_a_repository_without_a_registry_is_in_ecr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    found = examined(tmp_path, {}, TOML.format(base="127.0.0.1:1/b", repository="team/churn"))["aws"]
    assert found.state is State.FAIL
    assert "no AWS region is known" in found.seen


def test_without_a_project_the_machine_is_looked_at(tmp_path: Path, byoc: Command) -> None:
    done = byoc("doctor", "--json", cwd=tmp_path, env={"DOCKER_HOST": "unix:///nowhere"}, check=False)
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert (document["schema"], document["ok"]) == ("byoc/doctor/1", False)
    states = {check["name"]: check["state"] for check in document["checks"]}
    assert (states["engine"], states["python"], states["project"]) == ("fail", "ok", "ok")


@pytest.mark.engine
def test_a_machine_and_a_project_that_are_well(
    tmp_path: Path, base: str, registry: str, byoc: Command
) -> None:
    examined(tmp_path, {}, TOML.format(base=base, repository=f"{registry}/churn"))
    done = byoc("doctor", cwd=tmp_path, env={"DOCKER_CONFIG": str(tmp_path)})
    lines = {
        line[6:].split()[0]: line for line in done.stdout.splitlines() if line[:4] in {"ok  ", "warn", "fail"}
    }
    assert {"python", "engine", "builder", "disk", "certificates", "logins"} < lines.keys()
    assert lines["base"].endswith(f"{base} is in the engine")
    assert lines["publish"].endswith(f"{registry}/churn answers: 0 tags")
