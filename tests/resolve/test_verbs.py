"""byoc diff and byoc lock as a person types them, on a prebuilt base in small, without any engine."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from byoc_kit.images.sink import open_sink
from byoc_kit.oci.reference import Layout
from inventory.made import Entry, folder, image, link, tar, text
from resolve.served import Index, project

pytestmark = pytest.mark.long

SITE = "opt/venv/lib/python3.11/site-packages"
GLIBC = b"\x7fELF\0GNU C Library (GNU libc) stable release version 2.34.\n\0"


def installed(name: str, version: str, *requires: str) -> Iterator[Entry]:
    info = f"{SITE}/{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    yield text(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\n")
    yield text(f"{info}/RECORD", f"{info}/METADATA,,\n")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OCI layout: a venv with a patched torch, as prebuilt images have it."""
    entries = [
        text("usr/lib64/libc.so.6", GLIBC, mode=0o755),
        text("usr/bin/python3.11", "ELF", mode=0o755),
        text("usr/lib/python3.11/os.py"),
        text(
            "opt/venv/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n"
        ),
        link("opt/venv/bin/python3", "/usr/bin/python3.11"),
        folder(SITE),
        *installed("torch", "2.8.0+cu129", "typing-extensions"),
        *installed("typing_extensions", "4.9.0"),
        *installed("pip", "25.0"),
    ]
    place = tmp_path_factory.mktemp("base") / "layout"
    with open_sink(Layout(str(place)), environ={"HOME": str(place.parent)}) as sink:
        sink.write(image([tar(entries)], {"PATH": "/opt/venv/bin:/usr/bin"}), tag=True)
    return place


@pytest.fixture
def index() -> Iterator[Index]:
    with Index().served() as served:
        served.add("tool", "1", ["helper", "torch"])
        served.add("tool", "2", ["helper", "torch>=2.9"])
        served.add("helper", "1")
        served.add("torch", "2.9.0")
        served.add("typing-extensions", "4.9.0")
        yield served


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path, index: Index) -> Run:
    """byoc in *tmp_path*, with nothing of this machine's settings."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "BYOC_CACHE_DIR": str(tmp_path / "cache"),
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "UV_DEFAULT_INDEX": index.url,
        "PIP_CONFIG_FILE": os.devnull,
        "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
    }

    def call(*words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "byoc_kit", *map(str, words)],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment without pip, into which :func:`put` installs."""
    place = tmp_path / "env"
    venv.create(place, symlinks=True)
    return place


def put(environment: Path, name: str, version: str, *requires: str, direct_url: object = None) -> None:
    (site,) = environment.glob("lib/python*/site-packages")
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\n")
    if direct_url:
        (info / "direct_url.json").write_text(json.dumps(direct_url))


def test_from_an_environment_exactly_what_is_missing_is_named(
    run: Run, layout: Path, environment: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name, content in project("own", "0.1", requires="helper").items():
        (own / name).write_text(content)
    put(environment, "pip", "23")
    put(environment, "tool", "1", "helper", "torch")
    put(environment, "helper", "1")
    put(environment, "torch", "2.8.0+cpu", "typing-extensions")
    put(environment, "typing_extensions", "4.12.0")
    put(environment, "own", "0.1", "helper", direct_url={"url": own.as_uri(), "dir_info": {"editable": True}})
    put(
        environment, "forked", "1", direct_url={"url": "https://me:secret@git.example/forked", "vcs_info": {}}
    )
    done = run("diff", "--from-env", environment, "--base", f"oci:{layout}", "--json")
    found = json.loads(done.stdout)
    assert found["schema"] == "byoc/delta/1"
    assert {each["name"]: each["version"] for each in found["added"]} == {
        "helper": "1",
        "own": "0.1",
        "tool": "1",
    }
    assert [(each["name"], each["version"], each["here"]) for each in found["present"]] == [
        ("torch", "2.8.0+cu129", None),
        ("typing-extensions", "4.9.0", "4.12.0"),
    ]
    assert found["local"] == [{"name": "own", "folder": str(own)}]
    assert found["elsewhere"] == [{"name": "forked", "origin": "https://***@git.example/forked"}]
    assert found["left_out"] == ["pip"]
    text = run("diff", "--from-env", environment / "bin" / "python", "--base", f"oci:{layout}").stdout
    assert "own 0.1 (built from" in text
    assert "(editable)" in text
    assert "typing-extensions 4.9.0 (here 4.12.0)" in text


def test_where_the_version_here_does_not_go_with_the_base_another_is_told(
    run: Run, layout: Path, environment: Path
) -> None:
    put(environment, "tool", "2", "helper", "torch>=2.9")
    put(environment, "torch", "2.9.0")
    put(environment, "helper", "1")
    found = json.loads(run("diff", "--from-env", environment, "--base", f"oci:{layout}", "--json").stdout)
    assert found["others"] == [{"name": "tool", "here": "2", "version": "1"}]


def test_a_place_that_is_no_environment_is_refused(run: Run, layout: Path, tmp_path: Path) -> None:
    assert "[BYOC-E912]" in run("diff", "--from-env", tmp_path, "--base", f"oci:{layout}", code=2).stderr


def test_a_requirement_that_would_replace_torch_is_refused(run: Run, layout: Path, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("torch>=2.9\n")
    done = run("diff", "-r", "requirements.txt", "--base", f"oci:{layout}", code=1)
    assert "torch 2.8.0+cu129 -> torch>=2.9, asked for by your requirement torch>=2.9" in done.stdout
    assert "why: torch is protected" in done.stdout
    assert 'fix: allow it: allow-change = ["torch"]' in done.stdout


SPEC = """\
[image]
name = "churn"
style = "basic"
base = "oci:{base}"
[python]
requirements = ["tool"]
[train]
program = "train.py"
source = "src"
"""


@pytest.fixture
def spec(layout: Path, tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("")
    relative = os.path.relpath(layout, tmp_path)
    file = tmp_path / "byoc.toml"
    file.write_text(SPEC.format(base=relative))
    return file


def test_a_lock_is_written_checked_and_made_anew(run: Run, spec: Path, tmp_path: Path) -> None:
    assert "there is no lock" in run("lock", "--check", code=1).stderr
    done = run("lock")
    path = tmp_path / "pylock.byoc.toml"
    assert done.stdout == f"{path}\n"
    assert "tool 1" in done.stderr
    assert path.read_text().count("[[packages]]") == 2
    assert run("lock", "--check").stdout == f"{path} is fresh\n"
    spec.write_text(spec.read_text().replace('["tool"]', '["tool", "helper"]'))
    stale = run("lock", "--check", "--json", code=1)
    assert json.loads(stale.stdout)["changed"] == ["[python] requirements: helper is new"]
    assert json.loads(run("lock", "--json").stdout)["changed"] is True
    run("lock", "--check")


def test_upgrade_of_one_name_leaves_the_others(run: Run, spec: Path, tmp_path: Path, index: Index) -> None:
    run("lock")
    index.add("helper", "2")
    index.add("tool", "1.5", ["helper", "torch"])
    assert json.loads(run("lock", "--json").stdout)["changed"] is False
    run("lock", "--upgrade", "helper")
    text = (tmp_path / "pylock.byoc.toml").read_text()
    assert "helper-2-py3-none-any.whl" in text
    assert "tool-1-py3-none-any.whl" in text
    run("lock", "--upgrade")
    assert "tool-1.5-py3-none-any.whl" in (tmp_path / "pylock.byoc.toml").read_text()


def test_the_spec_is_compared_without_writing_anything(run: Run, spec: Path, tmp_path: Path) -> None:
    done = run("diff")
    assert "tool 1 (" in done.stdout
    assert "helper 1 (" in done.stdout
    assert not (tmp_path / "pylock.byoc.toml").exists()


def test_options_that_exclude_each_other(run: Run, spec: Path) -> None:
    run("diff", "--from-env", "-r", spec, code=2)
    run("lock", "--check", "--upgrade", code=2)
