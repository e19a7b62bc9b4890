"""Processors of both SageMaker SDKs run on our images, with an S3 on the loopback (PRC-01, PRC-10)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rig.projects import PROCESSING, Project, image
from rig.s3 import s3_server
from sdk.local_mode import client

pytestmark = pytest.mark.engine

SCRIPT = """\
import json, sys
from pathlib import Path
import helper
config = json.loads(Path("/opt/ml/config/resourceconfig.json").read_text())
seen = sorted(path.name for path in Path("/opt/ml/processing/input/raw").iterdir())
told = {"argv": sys.argv[1:], "seen": seen, "hosts": len(config["hosts"]), "help": helper.HELP}
Path("/opt/ml/processing/output/told", config["current_host"] + ".json").write_text(json.dumps(told))
"""
ALONE = SCRIPT.replace("import helper\n", "").replace("helper.HELP", "None")


@pytest.fixture(scope="module")
def s3() -> Iterator[Mapping[str, str]]:
    """The environment of an S3 on the loopback."""
    with s3_server() as environment:
        yield environment


def process(major: int, root: Path, s3: Mapping[str, str], **wish: object) -> dict[str, str]:
    """What the job has uploaded: key to text."""
    usual: dict[str, Any] = {"bucket": root.name, "count": 1, "arguments": None, "outputs": ["told"]}
    answer = client(f"processor{major}.py", major, root, usual | wish, s3)
    assert answer["lookups"] == []
    uploaded: dict[str, str] = answer["outputs"]
    return uploaded


@pytest.fixture
def code(root: Path) -> Path:
    """A script, and a module it needs."""
    folder = root / "code"
    folder.mkdir()
    (folder / "prepare.py").write_text(SCRIPT)
    (folder / "helper.py").write_text("HELP = 42\n")
    return folder


@pytest.mark.parametrize("major", [2, 3])
def test_a_processor_runs_the_images_own_program(
    project: Project, root: Path, s3: Mapping[str, str], major: int
) -> None:
    """PRC-01: neither an entrypoint nor arguments."""
    made = project(PROCESSING)
    wish = {"image": image(made), "input": str(made / "data"), "outputs": ["train", "test"]}
    uploaded = process(major, root, s3, kind="bare", **wish)
    assert {key: len(text.splitlines()) - 1 for key, text in uploaded.items()} == {
        "train/rows.csv": 115,
        "test/rows.csv": 29,
    }


@pytest.mark.parametrize("major", [2, 3])
def test_a_script_processor_runs_its_script(
    project: Project, root: Path, s3: Mapping[str, str], code: Path, major: int
) -> None:
    """PRC-10, on two hosts."""
    (code / "prepare.py").write_text(ALONE)
    made = project("basic")
    uploaded = process(
        major,
        root,
        s3,
        kind="script",
        image=image(made),
        input=str(made / "data"),
        code=str(code),
        script="prepare.py",
        arguments=["--days", "3"],
        count=2,
    )
    assert len(uploaded) == 2
    for text in uploaded.values():
        assert '"argv": ["--days", "3"], "seen": ["train.csv"], "hosts": 2' in text


@pytest.mark.parametrize("major", [2, 3])
def test_a_framework_processor_runs_its_source(
    project: Project, root: Path, s3: Mapping[str, str], code: Path, major: int
) -> None:
    """PRC-10: bash, tar and gzip unpack the source, and ``python`` runs it, which the base does not have."""
    made = project(PROCESSING)
    uploaded = process(
        major,
        root,
        s3,
        kind="framework",
        image=image(made),
        input=str(made / "data"),
        code=str(code),
        script="prepare.py",
        arguments=["--days", "3"],
    )
    (text,) = uploaded.values()
    assert '"argv": ["--days", "3"]' in text
    assert '"help": 42' in text
