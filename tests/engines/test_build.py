"""Real builds: what is in the image, what is not, and what is said when a build fails."""

import base64
import contextlib
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import DockerException

from byoc_kit.engines.command import find_docker
from rig.projects import Command, Project, edit

pytestmark = pytest.mark.engine

NASTY = {
    "A_SPACE": "two words ",
    "B_QUOTES": "say \"hi\" and 'ho'",
    "C_DOLLAR": "$HOME ${HOME:-x} \\$HOME",
    "D_BACKSLASH": "C:\\dir\\",
    "E_HASH": "# no comment",
    "F_UNICODE": "naïve ✓",
    "G_EQUALS": "a=b=c",
    "H_EMPTY": "",
    "I_JSON": '{"a": [1, "b"]}',
}

SPEC = """
[image]
name = "{name}"
style = "basic"
base = "{base}"
targets = ["training"]

[train]
program = "train.py"
source = "src"

[build]
network = "host"
"""


@pytest.fixture
def small(tmp_path: Path, base: str, engine: docker.DockerClient) -> Iterator[Path]:
    """A project that needs nothing but the base; its image is removed afterwards."""
    folder = tmp_path / "small"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "train.py").write_text("print('trained')\n")
    name = f"t-small-{uuid.uuid4().hex[:8]}"
    (folder / "byoc.toml").write_text(SPEC.format(name=name, base=base))
    yield folder
    with contextlib.suppress(DockerException):
        engine.images.remove(name, force=True)


def name_of(folder: Path) -> str:
    return next(
        line.split('"')[1]
        for line in (folder / "byoc.toml").read_text().splitlines()
        if line.startswith("name")
    )


def run(engine: docker.DockerClient, image: str, script: str) -> str:
    """What *script* prints in *image*, read when it has ended: a log that is followed may lose its end."""
    container = engine.containers.create(image, ["-c", script], entrypoint="sh", network_mode="none")
    try:
        container.start()
        code = container.wait()["StatusCode"]
        printed: str = container.logs(stderr=False).decode()
        assert code == 0, (code, printed, container.logs(stdout=False))
        return printed
    finally:
        container.remove(force=True)


def config(engine: docker.DockerClient, image: str) -> dict[str, Any]:
    found: dict[str, Any] = engine.images.get(image).attrs
    return found


def test_the_same_again_is_the_same_image(project: Project, byoc: Command, tmp_path: Path) -> None:
    first = project("basic")
    built = json.loads((first / ".byoc" / "last-build.json").read_text())
    copy = tmp_path / "copy"
    shutil.copytree(first, copy, ignore=shutil.ignore_patterns(".byoc"))
    again = byoc("build", cwd=copy)
    assert again.stdout == f"docker:{built['image_id']}\n"
    told = json.loads((copy / ".byoc" / "last-build.json").read_text())
    assert told["content_key"] == built["content_key"]
    assert "Collecting" not in again.stderr


def test_nothing_of_the_build_is_left_in_the_image(project: Project, engine: docker.DockerClient) -> None:
    image = name_of(project("script-mode-1"))
    seen = run(
        engine,
        image,
        "ls -A /run/secrets /mnt /byoc /root/.cache 2>/dev/null; command -v gcc cc;"
        "find / -xdev -name '*.whl' -not -path '/usr/share/*'",
    )
    assert [line for line in seen.splitlines() if line and not line.endswith(":")] == []
    assert "sagemaker" in run(engine, image, "python3 -m pip list")


def test_plain_docker_makes_the_same_image_of_the_rendered_folder(
    project: Project, byoc: Command, engine: docker.DockerClient, tmp_path: Path
) -> None:
    folder = project("basic")
    out = tmp_path / "context"
    assert byoc("render", "--out", out, cwd=folder).stdout == f"{out}\n"
    cli = find_docker()
    words = [cli.path, "buildx", "build", "--load"] if cli.buildx else [cli.path, "build"]
    done = subprocess.run(
        [*words, "-q", "--network", "host", str(out)],
        env={**os.environ, "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    ours, plain = config(engine, name_of(folder)), config(engine, done.stdout.strip())
    assert plain["Config"] == ours["Config"]
    assert run(engine, plain["Id"], LIST) == run(engine, ours["Id"], LIST)
    assert "/opt/byoc/entry.json" in run(engine, ours["Id"], LIST)


LIST = "find /opt /usr/local -type f -printf '%p %m %u %s\\n' | sort; cat /opt/byoc/entry.json"


def test_a_block_of_the_projects_own_and_every_odd_value(
    small: Path, byoc: Command, engine: docker.DockerClient
) -> None:
    (small / "bin").mkdir()
    (small / "bin" / "tool").write_text("#!/bin/sh\necho tool\n")
    (small / "bin" / "tool").chmod(0o700)
    (small / "src" / "train.py").write_bytes(b"print('trained')\r\n")
    (small / "templates").mkdir()
    (small / "templates" / "basic.j2").write_text(
        '{% extends "byoc/basic.j2" %}{% block files %}RUN echo ours >/ours\n{{ super() }}{% endblock %}'
    )
    edit(
        small / "byoc.toml",
        {
            "env": NASTY,
            "labels": {f"x.{key}": value for key, value in NASTY.items()},
            "files": {"/srv/odd $name [1].txt": "bin/tool", "/usr/local/bin/tool": "bin/tool"},
        },
    )
    image = byoc("build", cwd=small).stdout.strip().removeprefix("docker:")
    found = config(engine, image)["Config"]
    env = dict(pair.split("=", 1) for pair in found["Env"])
    assert {key: env[key] for key in NASTY} == NASTY
    assert {key: found["Labels"][f"x.{key}"] for key in NASTY} == NASTY
    seen = run(
        engine,
        image,
        "cat /ours; tool; cd /opt/program;"
        "stat -c '%a %u:%g' /usr/local/bin/tool '/srv/odd $name [1].txt' train.py;"
        "grep -c $(printf '\\r') train.py || true",
    )
    assert seen.splitlines() == ["ours", "tool", "755 0:0", "755 0:0", "644 0:0", "0"]


def test_a_base_with_a_user_and_an_entrypoint_of_its_own(
    small: Path, base: str, byoc: Command, engine: docker.DockerClient
) -> None:
    text = f'FROM {base}\nUSER nobody\nENTRYPOINT ["env", "SHIM=1"]\nCMD ["sh"]\nSTOPSIGNAL SIGQUIT\n'
    derived = f"{name_of(small)}-base:dev"
    engine.images.build(fileobj=io.BytesIO(text.encode()), tag=derived, rm=True)
    try:
        edit(small / "byoc.toml", {"image": {"base": derived}})
        done = byoc("build", cwd=small)
        assert "USER is nobody" in done.stderr
        found = config(engine, done.stdout.strip().removeprefix("docker:"))["Config"]
        assert found["User"] in {"0", "root"}
        assert found["StopSignal"] == "SIGTERM"
        assert found["Cmd"] == ["train"]
        entry = json.loads(run(engine, name_of(small), "cat /opt/byoc/entry.json"))
        assert entry["base_entrypoint"] == ["env", "SHIM=1"]
    finally:
        engine.images.remove(name_of(small), force=True)
        engine.images.remove(derived, force=True)


def test_an_adopted_dockerfile_is_built_as_it_is(
    small: Path, base: str, byoc: Command, engine: docker.DockerClient
) -> None:
    (small / "docker").mkdir()
    (small / "docker" / "My.Dockerfile").write_text(
        f"FROM --platform=linux/amd64 {base}\nCOPY . /all\n"
        "RUN --mount=type=secret,id=token cp /run/secrets/token /told\n"
    )
    (small / ".dockerignore").write_text("left-out\n.byoc\n")
    (small / "left-out").write_text("x")
    tables = {"dockerfile": "docker/My.Dockerfile", "secrets": {"token": "env:TOKEN"}}
    edit(small / "byoc.toml", {"build": tables})
    byoc("build", cwd=small, env={"TOKEN": "told on purpose"})
    seen = run(engine, name_of(small), "ls -A /all; cat /told")
    assert seen.split() == [".dockerignore", "byoc.toml", "docker", "src", "told", "on", "purpose"]
    assert "nothing to render" in byoc("render", cwd=small, check=False).stderr


# --- an index that wants a password ------------------------------------------------------------------

CANARY = "canary" + uuid.uuid4().hex


def wheel(name: str, version: str, needs: str = "") -> bytes:
    """A wheel with one module that knows its version."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    members = {
        f"{name}.py": f"VERSION = 'cat {version}'\n",
        f"{info}/METADATA": metadata + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{path},{hashed(text.encode())},{len(text)}" for path, text in members.items()]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*lines, f"{info}/RECORD,,", ""]))
    return file.getvalue()


def hashed(data: bytes) -> str:
    """A hash as RECORD has it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


FILES = {
    "housecat-1.0-py3-none-any.whl": wheel("housecat", "1.0"),
    "housecat-2.0-py3-none-any.whl": wheel("housecat", "2.0"),
    "kitten-1.0-py3-none-any.whl": wheel("kitten", "1.0", needs="housecat"),
}


def page(name: str) -> bytes:
    """The page of one project, as PEP 503 has it."""
    return "".join(f"<a href='/files/{file}'>{file}</a>" for file in FILES if file.startswith(name)).encode()


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    """URL of a package index with a cat in two versions, only for those with the password."""
    expected = "Basic " + base64.b64encode(f"me:{CANARY}".encode()).decode()
    pages = {f"/files/{name}": data for name, data in FILES.items()}
    pages |= {f"/simple/{name}/": page(name) for name in ("housecat", "kitten")}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == expected
            body = pages.get(self.path, b"") if allowed else b""
            self.send_response(401 if not allowed else 200 if body else 404)
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/zip")
            if not allowed:
                self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://me:{CANARY}@127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


def holds(engine: docker.DockerClient, image: str, needle: bytes) -> bool:
    """Whether *needle* is anywhere in what ``docker save`` writes of *image*."""
    tail = b""
    for chunk in engine.images.get(image).save(chunk_size=1 << 22):
        if needle in tail + chunk:
            return True
        tail = chunk[-len(needle) :]
    return False


def test_credentials_reach_pip_and_nothing_else(
    small: Path, byoc: Command, engine: docker.DockerClient, index: str
) -> None:
    edit(
        small / "byoc.toml",
        {
            "python": {"requirements": ["housecat==1.0"]},
            "build": {"secrets": {"token": "env:TOKEN"}, "cache": False},
        },
    )
    done = byoc("build", cwd=small, env={"PIP_INDEX_URL": index, "TOKEN": CANARY})
    image = name_of(small)
    assert cat(engine, image) == "cat 1.0"
    assert CANARY not in done.stdout + done.stderr
    for path in (small / ".byoc").rglob("*"):
        assert path.is_dir() or CANARY not in path.read_text(errors="replace"), path
    assert CANARY not in json.dumps(engine.images.get(image).history())
    assert CANARY not in json.dumps(config(engine, image))
    assert not holds(engine, image, CANARY.encode())
    assert holds(engine, image, b"VERSION = 'cat 1.0'"), "the search itself must be able to find something"


def cat(engine: docker.DockerClient, image: str) -> str:
    return run(engine, image, "python3 -c 'import housecat; print(housecat.VERSION)'").strip()


def test_what_the_base_has_changes_only_where_a_requirement_says_so(
    small: Path, byoc: Command, engine: docker.DockerClient, index: str
) -> None:
    def build(tag: str, **tables: dict[str, object]) -> subprocess.CompletedProcess[str]:
        edit(small / "byoc.toml", tables)
        return byoc("build", "--tag", tag, cwd=small, check=False, env={"PIP_INDEX_URL": index})

    base, image = f"{name_of(small)}-base:dev", name_of(small)
    try:
        assert build(base, python={"requirements": ["housecat==1.0"]}).returncode == 0
        assert build(image, image={"base": base}, python={"requirements": ["kitten"]}).returncode == 0
        assert cat(engine, image) == "cat 1.0", "only another package needs it: the base's stays"
        assert build(image, python={"requirements": ["kitten", "housecat>=2"]}).returncode == 0
        assert cat(engine, image) == "cat 2.0", "a requirement names it: it changes"
        refused = build(image, python={"protect": ["housecat"]})
        assert refused.returncode == 1
        assert 'allow-change = ["NAME"]' in refused.stderr
    finally:
        engine.images.remove(image, force=True)
        engine.images.remove(base, force=True)


def test_a_failing_step_is_told_by_its_own_words_and_a_remedy(
    small: Path, byoc: Command, index: str, tmp_path: Path
) -> None:
    edit(small / "byoc.toml", {"python": {"requirements": ["no-such-cat"]}})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = byoc("build", cwd=small, check=False, env={"PIP_INDEX_URL": index, "TMPDIR": str(temporary)})
    assert done.returncode == 1
    assert done.stdout == ""
    error = done.stderr[done.stderr.index("error [BYOC-E311]") :].splitlines()
    assert error[0].startswith("error [BYOC-E311]: the build failed at [wheels 2/2] RUN /usr/bin/python3")
    assert "no-such-cat" in error[1]
    assert any(line.startswith("  fix: check name and version in [python] requirements") for line in error)
    assert CANARY not in done.stderr
    assert list(temporary.iterdir()) == []
    assert "no-such-cat" in (small / ".byoc" / "build.log").read_text()


def test_a_base_that_nobody_has(small: Path, byoc: Command, registry: str) -> None:
    edit(small / "byoc.toml", {"image": {"base": f"{registry}/nobody/has:this"}})
    done = byoc("build", "--json", cwd=small, check=False)
    error = json.loads(done.stdout)
    assert done.returncode == 1
    assert (error["id"], error["what"]) == ("BYOC-E304", f"{registry}/nobody/has:this cannot be pulled")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_a_build_that_is_stopped_leaves_nothing(small: Path, tmp_path: Path, number: signal.Signals) -> None:
    (small / "templates").mkdir()
    (small / "templates" / "basic.j2").write_text(
        '{% extends "byoc/basic.j2" %}{% block files %}RUN echo begun && sleep 120{% endblock %}'
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "byoc_kit", "build", "--no-cache"]
    environ = {**os.environ, "TMPDIR": str(temporary), "BYOC_CACHE_DIR": str(tmp_path / "cache")}
    with subprocess.Popen(command, cwd=small, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.strip() == "begun" for line in process.stderr)
        assert any(temporary.iterdir())
        started = time.monotonic()
        process.send_signal(number)
        process.stderr.read()
    assert process.returncode == 128 + number
    assert time.monotonic() - started < 15
    assert list(temporary.iterdir()) == []
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path)]
    assert not any(str(temporary).encode() in command for command in commands)


def readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
