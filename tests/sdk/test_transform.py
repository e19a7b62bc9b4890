"""The SageMaker SDKs' own local mode transforms with our images, and gets what byoc run transform gets."""

import shutil
from pathlib import Path

import pytest

from rig.machine import free_port
from rig.projects import Command, Project, image
from sdk.local_mode import client

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("major", [2, 3])
def test_the_sdk_transforms_what_byoc_transforms(
    byoc: Command, project: Project, root: Path, major: int
) -> None:
    """LCL-09, BAT-02, BAT-03."""
    made = project("script-mode-1")
    run = Path(byoc("run", "train", cwd=made).stdout.strip())
    (root / "alone").mkdir()
    shutil.copy(run / "model.tar.gz", root / "alone")
    rows = (made / "sample.csv").read_text()
    (root / "in").mkdir()
    (root / "in/rows.csv").write_text(rows * 20)
    words = ["--split", "Line", "--assemble", "None", "--accept", "text/csv", "--output", str(root / "ours")]
    byoc("run", "transform", "--input", root / "in", *words, cwd=made)
    wish = {
        "image": image(made),
        "model": str(root / "alone"),
        "input": str(root / "in"),
        "content_type": "text/csv",
        "accept": "text/csv",
        "split": "Line",
        "assemble": "None",
        "strategy": "MultiRecord",
        "port": free_port(),
    }
    answer = client("transformer.py", major, root, wish)
    assert answer["files"] == {"rows.csv.out": (root / "ours/rows.csv.out").read_text()}
    assert len(answer["files"]["rows.csv.out"].splitlines()) == 20 * len(rows.splitlines())
    assert answer["lookups"] == []
