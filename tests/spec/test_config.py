"""Settings: the later wins, and each says where it came from."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.spec.settings import Origin, engine, user_settings
from byoc_kit.work.config import chosen_engine
from byoc_kit.work.project import load

TEXT = '[image]\nname = "churn"\nstyle = "basic"\nbase = "python:3.12"\n[train]\nprogram = "train.py"\n'


@pytest.mark.parametrize(
    ("user", "project", "environ", "value", "origin"),
    [
        ({}, "auto", {}, "auto", Origin.DEFAULT),
        ({}, None, {}, "auto", Origin.DEFAULT),
        ({"engine": "docker"}, "auto", {}, "docker", Origin.USER_FILE),
        ({"engine": "auto"}, "docker", {}, "docker", Origin.PROJECT),
        ({"engine": "docker"}, "docker", {"BYOC_ENGINE": "auto"}, "auto", Origin.ENVIRONMENT),
        ({}, "docker", {"BYOC_ENGINE": ""}, "docker", Origin.PROJECT),
    ],
)
def test_the_later_wins(
    user: dict[str, str], project: str | None, environ: dict[str, str], value: str, origin: Origin
) -> None:
    found = engine(user=user, user_file="config.toml", project=project, environ=environ)
    assert (found.value, found.origin) == (value, origin)


def test_an_engine_that_does_not_exist() -> None:
    with pytest.raises(UsageError) as caught:
        engine(user={}, user_file="", project=None, environ={"BYOC_ENGINE": "podman"})
    assert str(caught.value) == (
        "BYOC_ENGINE: 'podman' is not an engine; there are auto, docker, layer\n"
        "  why: an engine turns a plan into an image, and byoc has these\n"
        "  fix: choose one of auto, docker, layer"
    )


def test_mistakes_of_the_user_file_are_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        user_settings({"engin": "docker", "engine": 3}, "config.toml")
    assert caught.value.details == (
        "config.toml: engin: there is no such setting; did you mean 'engine'?",
        "config.toml: engine: '3' is not an engine; there are auto, docker, layer",
    )


@pytest.mark.parametrize("content", [b"engine = docker", b"\xff"])
def test_a_user_file_that_is_not_toml(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"config\.toml cannot be read"):
        chosen_engine(None, {"BYOC_CONFIG": str(tmp_path / "config.toml")})


def test_the_user_file_counts_for_a_project(tmp_path: Path) -> None:
    (tmp_path / "byoc").mkdir()
    (tmp_path / "byoc" / "config.toml").write_text('engine = "docker"', encoding="utf-8")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").touch()
    (tmp_path / "byoc.toml").write_text(TEXT, encoding="utf-8")
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "BYOC_CACHE_DIR": str(tmp_path / "cache")}
    assert load(tmp_path / "byoc.toml", environ=environ).spec.build.engine == "docker"


def byoc(*arguments: str, cwd: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "byoc_kit", *arguments]
    return subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def test_the_command_shows_values_and_origins(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "BYOC_ENGINE": "docker",
        "BYOC_CACHE_DIR": str(tmp_path / "cache"),
        "DOCKER_HOST": "tcp://engine.example:2376",
    }
    done = byoc("config", "--json", cwd=tmp_path, environ=environ)
    told = json.loads(done.stdout)
    assert told["schema"] == "byoc/config/1"
    assert {one["name"]: (one["value"], one["origin"], one["where"]) for one in told["settings"]} == {
        "project": ("none", "default", ""),
        "user-file": (f"{tmp_path}/.config/byoc/config.toml (not there)", "default", ""),
        "engine": ("docker", "environment", "BYOC_ENGINE"),
        "cache-dir": (f"{tmp_path}/cache", "environment", "BYOC_CACHE_DIR"),
        "docker": ("tcp://engine.example:2376", "environment", "DOCKER_HOST"),
    }
    table = byoc("config", cwd=tmp_path, environ=environ).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["project", "user-file", "engine", "cache-dir", "docker"]
    assert table[2].endswith(
        "docker"
        + " " * (len(f"{tmp_path}/.config/byoc/config.toml (not there)") - 6)
        + "  environment (BYOC_ENGINE)"
    )


def test_the_command_names_the_project(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").touch()
    (tmp_path / "other.toml").write_text(TEXT + '[build]\nengine = "docker"\n', encoding="utf-8")
    done = byoc("config", "-f", "other.toml", "--json", cwd=tmp_path, environ={"HOME": str(tmp_path)})
    settings = {one["name"]: one for one in json.loads(done.stdout)["settings"]}
    assert settings["project"]["value"] == str(tmp_path / "other.toml")
    assert settings["project"]["origin"] == "flag"
    assert (settings["engine"]["value"], settings["engine"]["origin"]) == ("docker", "project")
