"""What a look into a real base tells, and what is remembered of it."""

import io
import os
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from byoc_kit.docker_api import inspect_image
from byoc_kit.errors import ByocError
from byoc_kit.images.daemon import config, known, look
from byoc_kit.oci.config import Platform
from byoc_kit.store import Store
from byoc_kit.talk import Silence

pytestmark = pytest.mark.engine
AMD64 = Platform()


class Bars(Silence):
    """Remembers the bars that were moved."""

    def __init__(self) -> None:
        self.moves: list[tuple[int, int | None]] = []

    def progress(self, task: str, done: int, total: int | None) -> None:
        self.moves.append((done, total))


@pytest.fixture
def shell_less(engine: docker.DockerClient) -> Iterator[str]:
    """An image with a config and no programs at all."""
    name = f"t-empty-{uuid.uuid4().hex[:8]}:dev"
    text = 'FROM scratch\nENV A=b\nENTRYPOINT ["/nothing"]\n'
    engine.images.build(fileobj=io.BytesIO(text.encode()), tag=name)
    yield name
    engine.images.remove(name, force=True)


def test_a_debian_base(engine: docker.DockerClient, base: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    seen = look(engine, base, AMD64, store=store, talk=Silence())
    assert seen.python is not None
    assert (seen.python.executable, seen.python.version[:2]) == ("/usr/bin/python3", (3, 11))
    assert seen.python.pip is not None
    assert (seen.os_id, seen.os_version, seen.package_manager) == ("debian", "12", "apt-get")
    assert {"sh", "bash", "chmod", "cat", "python3", "pip3"} <= seen.commands
    assert not {"train", "serve"} & seen.commands
    found = inspect_image(base)
    assert found is not None
    assert known(found, base, store=store) == seen
    assert known(found, base, store=Store(tmp_path / "other")) is None


def test_a_shell_that_gives_no_answer_is_told(
    engine: docker.DockerClient, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("byoc_kit.images.daemon.PROBE_SECONDS", 2)
    name = f"t-mute-{uuid.uuid4().hex[:8]}:dev"
    text = f"FROM {base}\nCOPY sh /usr/local/bin/sh\n"
    engine.images.build(fileobj=_context(text, "#!/bin/bash\nsleep 600\n"), custom_context=True, tag=name)
    try:
        with pytest.raises(ByocError, match="cannot be started to look into it") as told:
            look(engine, name, AMD64, store=None, talk=Silence())
        assert "within 2 s" in told.value.why
        api: Any = engine.api
        assert not api.containers(all=True, filters={"ancestor": name})
    finally:
        engine.images.remove(name, force=True)


def _context(dockerfile: str, shell: str) -> io.BytesIO:
    """What an image with a shell of its own is built from."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in (("Dockerfile", dockerfile), ("sh", shell)):
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(text), 0o755
            tar.addfile(info, io.BytesIO(text.encode()))
    packed.seek(0)
    return packed


def test_a_look_leaves_no_container(engine: docker.DockerClient, base: str) -> None:
    look(engine, base, AMD64, store=None, talk=Silence())
    containers = engine.containers.list(all=True, filters={"ancestor": base})
    assert [item for item in containers if "command -v" in str(item.attrs["Args"])] == []


def test_an_image_without_a_shell_is_described_by_its_config(
    engine: docker.DockerClient, shell_less: str
) -> None:
    seen = look(engine, shell_less, AMD64, store=None, talk=Silence())
    assert seen.python is None
    assert seen.commands == frozenset()
    assert seen.config.entrypoint == ("/nothing",)
    assert config(engine, shell_less).env["A"] == "b"


def test_an_image_of_another_platform_is_not_started(engine: docker.DockerClient, base: str) -> None:
    seen = look(engine, base, Platform("linux", "arm64"), store=None, talk=Silence())
    assert seen.platform == AMD64
    assert seen.python is None


def context() -> io.BytesIO:
    """A build of one file with 3 MB that do not compress."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in {
            "Dockerfile": b"FROM scratch\nCOPY random /\n",
            "random": os.urandom(3_000_000),
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    file.seek(0)
    return file


def test_a_missing_image_is_pulled_with_bars(engine: docker.DockerClient, registry: str) -> None:
    name = f"{registry}/t-pulled-{uuid.uuid4().hex[:8]}"
    engine.images.build(fileobj=context(), custom_context=True, tag=f"{name}:dev", rm=True)
    engine.images.push(name, tag="dev")
    engine.images.remove(f"{name}:dev", force=True)
    assert inspect_image(f"{name}:dev") is None
    bars = Bars()
    seen = look(engine, f"{name}:dev", AMD64, store=None, talk=bars)
    try:
        assert seen.digest is not None
        assert seen.digest.startswith("sha256:")
        assert bars.moves
        done, total = bars.moves[-1]
        assert done == total
        assert all(done < (total or 0) for done, total in bars.moves[:-1])
    finally:
        engine.images.remove(f"{name}:dev", force=True)


def test_nobody_has_it(engine: docker.DockerClient, registry: str) -> None:
    with pytest.raises(ByocError) as caught:
        look(engine, f"{registry}/nobody/has:this", AMD64, store=None, talk=Silence())
    assert caught.value.id == "BYOC-E304"
    with pytest.raises(ByocError):
        config(engine, "nobody-has:this")
