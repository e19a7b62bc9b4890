"""What an image's own shell sees of its files is what its layers hold."""

import os
import uuid
from pathlib import Path

import docker
import pytest

from byoc_kit.images.daemon import config
from byoc_kit.images.interior import look_into
from byoc_kit.oci.config import Platform
from byoc_kit.oci.reference import Docker
from byoc_kit.store import Store
from byoc_kit.talk import Silence
from byoc_kit.work.facts import facts_in_engine, facts_in_files
from byoc_kit.work.images import open_image
from byoc_kit.work.inspect import read_image_files
from zoo.form import GROUND, Animal, Put, Settings
from zoo.making import load, reference

pytestmark = pytest.mark.engine

ODD = Animal(
    name="odd",
    says="has a little of everything that clauses ask for",
    targets=(),
    files={
        "/opt/program/entry.sh": Put(text='#!/bin/sh\r\nexec "$@"\n'),
        "/opt/program/closed/secret": Put(text="x", mode=0o600),
        "/usr/local/bin/train": Put(link="/opt/program/entry.sh"),
        "/usr/local/bin/serve": "#!/usr/bin/env python3\n",
        "/usr/lib/libcuda.so.535": "x",
        "/opt/ml/model/a b": "x",
        "/etc/ssh/ssh_config": "StrictHostKeyChecking no\n",
        "/etc/ssh/ssh_host_rsa_key": Put(text="key", mode=0o600),
    },
)
STARTED = Settings(entrypoint=("bash", "-e", "entry.sh"), workdir="/opt/program")


@pytest.mark.parametrize("settings", [Settings(), STARTED], ids=["by-path", "by-entrypoint"])
def test_shell_and_layers_agree(
    engine: docker.DockerClient, base: str, tmp_path: Path, settings: Settings
) -> None:
    session, animal = uuid.uuid4().hex[:8], ODD.but("odd", ODD.says, "", settings=settings)
    load(engine, [animal], {GROUND: base}, session)
    name, store = reference(animal, session), Store(tmp_path)
    try:
        by_shell = look_into(engine, str(engine.images.get(name).id), config(engine, name), store=store)
        with open_image(Docker(name), platform=Platform(), environ=os.environ, talk=Silence()) as image:
            seen = read_image_files(image, store=store, talk=Silence())
            by_layers = facts_in_files(image, seen, store)
    finally:
        engine.images.remove(name, force=True)
    assert by_shell is not None
    for field in ("starts", "scripts", "closed", "python", "cuda"):
        assert getattr(by_shell, field) == getattr(by_layers, field), field
    assert {*by_shell.distributions} <= {*by_layers.distributions}
    assert {file.path: (file.kind, file.mode, file.text) for file in by_shell.files} == {
        file.path: (file.kind, file.mode, file.text) for file in by_layers.files
    }
    assert by_shell.programs - by_layers.programs == set()


def test_an_image_without_a_shell_is_read(engine: docker.DockerClient, base: str, tmp_path: Path) -> None:
    """It has nothing to look with; its layers tell."""
    gone = {
        "/usr/bin/sh": Put(gone=True),
        "/usr/bin/dash": Put(gone=True),
        "/usr/local/bin/train": "#!/bin/sh\n",
    }
    session, animal = uuid.uuid4().hex[:8], ODD.but("no-shell", "has no sh", "", files=gone)
    load(engine, [animal], {GROUND: base}, session)
    name = reference(animal, session)
    environ = {**os.environ, "BYOC_CACHE_DIR": str(tmp_path)}
    try:
        facts = facts_in_engine(name, config(engine, name), Silence(), environ)
    finally:
        engine.images.remove(name, force=True)
    assert facts is not None
    assert facts.starts == ("/usr/local/bin/train",)
    assert facts.file("/bin/sh") is None
