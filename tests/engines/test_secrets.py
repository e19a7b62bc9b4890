"""Which secrets build steps get, and where from."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.engines.secrets import pip_conf, write_secrets
from byoc_kit.errors import UsageError
from byoc_kit.spec.types import Build, Spec
from plan.examples import spec_of

USER = "https://user:word@index.example/simple"


def spec(more: str = "", **build: Any) -> Spec:
    made = spec_of(more=more)
    changed: Build = replace(made.build, **build)
    return replace(made, build=changed)


def secrets(made: Spec, tmp_path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    folder = tmp_path / "out"
    folder.mkdir()
    found = write_secrets(
        made, folder, tmp_path, {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", **environ}
    )
    return {name: path.read_text() for name, path in found.items()}


def test_none_where_nothing_is_set(tmp_path: Path) -> None:
    assert secrets(spec(), tmp_path, {}) == {}


def test_pips_own_variables_reach_the_build(tmp_path: Path) -> None:
    environ = {"PIP_INDEX_URL": USER, "PIP_EXTRA_INDEX_URL": "https://a.example https://b.example"}
    assert secrets(spec(), tmp_path, environ)["pip_conf"] == (
        f"[global]\nindex-url = {USER}\nextra-index-url = https://a.example\n    https://b.example\n"
    )


def test_pips_files_reach_the_build_and_paths_of_this_machine_do_not(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        f"[global]\nindex-url = {USER}\nextra-index-url =\n  file:///srv/simple\n  http://c.example/simple\n"
        "find-links = /srv/wheels\n[install]\ntrusted-host = c.example\n"
    )
    python = spec().python
    text = pip_conf(python, {"HOME": "/nowhere", "PIP_CONFIG_FILE": str(file)}, prefix="/nowhere")
    assert text == (
        f"[global]\nindex-url = {USER}\nextra-index-url = http://c.example/simple\ntrusted-host = c.example\n"
    )


def test_the_specs_index_wins_over_the_users(tmp_path: Path) -> None:
    made = spec()
    made = replace(made, python=replace(made.python, index_url="https://spec.example/simple"))
    text = secrets(made, tmp_path, {"PIP_INDEX_URL": USER})["pip_conf"]
    assert text == "[global]\nindex-url = https://spec.example/simple\n"


@pytest.mark.parametrize("setting", ["auto", "none", "company.pem", "~/company.pem"])
def test_ca_bundle(setting: str, tmp_path: Path) -> None:
    (tmp_path / "company.pem").write_text("company")
    (tmp_path / "other.pem").write_text("other")
    environ = {"REQUESTS_CA_BUNDLE": str(tmp_path / "other.pem")}
    found = secrets(spec(ca_bundle=setting), tmp_path, environ)
    assert found == {"auto": {"ca_bundle": "other"}, "none": {}}.get(setting, {"ca_bundle": "company"})


def test_own_secrets_from_files_and_variables(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("from file")
    made = spec(secrets={"one": "env:TOKEN", "two": "file:token.txt", "pip_conf": "env:TOKEN"})
    found = secrets(made, tmp_path, {"TOKEN": "from variable", "PIP_INDEX_URL": USER})
    assert found == {"one": "from variable", "two": "from file", "pip_conf": "from variable"}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()} == {0o600}


@pytest.mark.parametrize(
    "build",
    [{"secrets": {"x": "env:NOT_SET"}}, {"secrets": {"x": "file:nowhere"}}, {"ca_bundle": "nowhere.pem"}],
)
def test_a_missing_source_is_told(build: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        secrets(spec(**build), tmp_path, {})
    assert caught.value.id == "BYOC-E313"
