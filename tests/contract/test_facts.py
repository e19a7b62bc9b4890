"""What clauses ask of files is found in an image's layers, links followed."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from byoc_kit.contract.evidence import ImageFacts
from byoc_kit.store import Store
from byoc_kit.talk import Silence
from byoc_kit.work.facts import facts_in_files
from byoc_kit.work.inspect import read_image_files
from rig.images import MemoryLayer, image_of
from zoo.form import Put
from zoo.making import layer_of

BASE: Mapping[str, str | Put] = {
    "/usr/bin/sh": Put(text="\0ELF", mode=0o755),
    "/usr/bin/env": Put(text="\0ELF", mode=0o755),
    "/usr/bin/bash": Put(text="\0ELF", mode=0o755),
    "/bin": Put(link="usr/bin"),
    "/etc/ssh/ssh_config": "StrictHostKeyChecking no\n",
    "/etc/ssh/ssh_host_rsa_key": Put(text="key", mode=0o600),
    "/usr/lib/libcuda.so.535": "x",
    "/usr/local/cuda/lib64/libcudart.so.12.4": "x",
    "/opt/ml/model/a": "x",
}
OWN: Mapping[str, str | Put] = {
    "/opt/program/entry": "#!/usr/bin/env ruby -w\n",
    "/opt/program/secret": Put(text="x", mode=0o600),
    "/usr/local/bin/train": Put(link="/opt/program/entry"),
    "/usr/local/bin/serve": Put(text="import os\n"),
}


def looked(store: Path, **config: object) -> tuple[ImageFacts, list[MemoryLayer]]:
    layers = [MemoryLayer.of(layer_of(BASE)), MemoryLayer.of(layer_of(OWN))]
    settings = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": None, **config}
    image = image_of(layers, config=settings)
    kept = Store(store)
    return facts_in_files(image, read_image_files(image, store=kept, talk=Silence()), kept), layers


def test_programs_and_what_their_first_lines_name(tmp_path: Path) -> None:
    facts, _ = looked(tmp_path)
    assert facts.starts == ("/usr/local/bin/train", "/usr/local/bin/serve")
    train, serve = facts.file("/usr/local/bin/train"), facts.file("/usr/local/bin/serve")
    assert train
    assert train.text == "#!/usr/bin/env ruby -w\n"
    assert train.mode == 0o755
    assert train.kind == "file"
    assert serve
    assert serve.text == "import os\n"
    assert serve.mode == 0o644
    assert facts.file("/usr/bin/env")
    assert "ruby" not in facts.programs
    assert {"sh", "bash", "/bin/bash", "train"} <= facts.programs
    assert "serve" not in facts.programs


def test_what_lies_where_it_should_not(tmp_path: Path) -> None:
    facts, _ = looked(tmp_path)
    paths = {file.path for file in facts.files}
    assert {"/opt/ml/model/a", "/usr/lib/libcuda.so.535", "/etc/ssh/ssh_host_rsa_key"} <= paths
    assert facts.cuda
    assert facts.closed == ("/opt/program/secret",)
    settings = facts.file("/etc/ssh/ssh_config")
    assert settings
    assert settings.text == "StrictHostKeyChecking no\n"


@pytest.mark.parametrize(
    ("entrypoint", "starts", "scripts"),
    [
        (["entry", "x"], ("/opt/program/entry",), ()),
        (["./entry"], ("/opt/program/./entry",), ()),
        (["bash", "-e", "/opt/program/entry"], ("/usr/bin/bash",), ("/opt/program/entry",)),
        (["sh", "-c", "/opt/program/entry"], ("/usr/bin/sh",), ()),
        (["/nowhere"], (), ()),
    ],
)
def test_where_the_entrypoint_leads(
    tmp_path: Path, entrypoint: list[str], starts: tuple[str, ...], scripts: tuple[str, ...]
) -> None:
    config = {"Entrypoint": entrypoint, "WorkingDir": "/opt/program", "Env": ["PATH=/opt/program:/usr/bin"]}
    facts, _ = looked(tmp_path, **config)
    assert (facts.starts, facts.scripts) == (starts, scripts)


def test_layers_are_read_once(tmp_path: Path) -> None:
    looked(tmp_path)
    _, layers = looked(tmp_path)
    assert [layer.reads for layer in layers] == [[], []]


def test_the_zoo_makes_layers_that_belong_to_root() -> None:
    with tarfile.open(fileobj=io.BytesIO(layer_of(OWN))) as tar:
        found = {member.name: member for member in tar.getmembers()}
    assert found["opt/program/entry"].mode == 0o755
    assert found["usr/local/bin/train"].linkname == "/opt/program/entry"
    assert {member.uid for member in found.values()} == {0}
    assert len(gzip.compress(layer_of(OWN))) < 2000
