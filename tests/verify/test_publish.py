"""Publishing an image that is run to be judged: once, and not again while nothing has changed."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from rig.projects import Command

pytestmark = pytest.mark.engine

TRAIN = """#!/usr/bin/python3
import json, pathlib, signal, sys, time

def stop(number, frame):
    pathlib.Path("/opt/ml/model/model.txt").write_text("as far as it came")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
try:
    resources = json.loads(pathlib.Path("/opt/ml/input/config/resourceconfig.json").read_text())
    print("training", flush=True)
    if not any(path.is_file() for path in pathlib.Path("/opt/ml/input/data").rglob("*")):
        raise ValueError("there is no data in any channel")
    time.sleep(1)
    if resources["current_host"] == min(resources["hosts"]):
        pathlib.Path("/opt/ml/model/model.txt").write_text("done")
except Exception as error:
    pathlib.Path("/opt/ml/output/failure").write_text(f"{type(error).__name__}: {error}")
    sys.exit(1)
"""
DOCKERFILE = """
FROM {base}
ENV PYTHONUNBUFFERED=1
COPY train /usr/local/bin/train
CMD ["train"]
"""
TOML = """
[image]
name = "trains"
style = "basic"
base = "a:b"
targets = ["training"]
[train]
program = "train.py"
[publish]
repository = "{registry}/{path}"
"""


@pytest.fixture
def image(engine: docker.DockerClient, base: str) -> Iterator[str]:
    """An image that trains as it should."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, text, mode in (
            ("Dockerfile", DOCKERFILE.format(base=base), 0o644),
            ("train", TRAIN, 0o755),
        ):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text.encode()), mode
            tar.addfile(info, io.BytesIO(text.encode()))
    context.seek(0)
    made, _ = engine.images.build(fileobj=context, custom_context=True, rm=True)
    yield f"docker:{made.id}"
    engine.images.remove(str(made.id), force=True)


def project(folder: Path, registry: str, path: str) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "train.py").write_text("")
    (folder / "byoc.toml").write_text(TOML.format(registry=registry, path=path))
    return folder


def test_an_image_is_run_once_before_it_is_published(
    image: str, byoc: Command, registry: str, tmp_path: Path
) -> None:
    folder = project(tmp_path / "one", registry, "v/once")
    first = byoc("publish", image, "--json", cwd=folder)
    record = json.loads(first.stdout)
    assert "scenarios: " in first.stderr
    assert (record["verify"]["depth"], record["verify"]["result"]) == ("quick", "pass")
    assert record["targets"] == {"training": {"valid": True, "why": "keeps the quick clauses"}}
    again = byoc("publish", image, "--json", cwd=folder)
    assert (again.stdout, "scenarios: " in again.stderr) == (first.stdout, False)
    elsewhere = byoc("publish", image, "--json", cwd=project(tmp_path / "two", registry, "v/twice"))
    assert "scenarios: " not in elsewhere.stderr
    assert json.loads(elsewhere.stdout)["verify"]["counts"] == record["verify"]["counts"]
