"""``byoc run train --as sdk3`` gives a script what the SDK's own driver gives it (TMD-01 to TMD-08)."""

import json
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job.sdk3 import check_script, driven, source_code
from byoc_kit.job.types import TrainingJob
from rig.projects import Command, Project, edit
from sdk.local_mode import client, wish

TELL = """\
import json, os, sys
found = {name: value for name, value in os.environ.items() if name.startswith("SM_")}
with open("/opt/ml/model/seen.json", "w") as file:
    json.dump({"env": found, "argv": sys.argv, "cwd": os.getcwd()}, file)
"""
OF_THE_MACHINE = {
    "SM_CURRENT_INSTANCE_TYPE",
    "SM_NETWORK_INTERFACE_NAME",
    "SM_RESOURCE_CONFIG",
    "SM_INPUT_DATA_CONFIG",
    "SM_TRAINING_ENV",
}
"""What local mode tells in its own way (LCL-22)."""


def test_the_job_is_the_drivers(tmp_path: Path) -> None:
    """TMD-01, TMD-03; what only the toolkit understands is not sent."""
    job = TrainingJob(name="j", hyperparameters={"a": "1", "sagemaker_program": '"x"'}, channels=())
    made = driven(job, drivers=tmp_path, code=tmp_path)
    assert made.entrypoint == ("/bin/bash",)
    assert made.arguments is not None
    assert made.arguments[1].startswith("chmod +x /opt/ml/input/data/sm_drivers/sm_train.sh && ")
    assert [channel.name for channel in made.channels] == ["code", "sm_drivers"]
    assert made.hyperparameters == {"a": "1"}
    assert made.writable_input
    assert json.loads(source_code("train.py"))["entry_script"] == "train.py"


def test_other_scripts_are_refused() -> None:
    """TMD-07."""
    check_script("a/train.sh")
    with pytest.raises(UsageError, match=r"ModelTrainer does not run train\.R"):
        check_script("train.R")


def seen(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_text())
    assert isinstance(content, dict)
    return content


@pytest.mark.engine
def test_a_script_sees_the_same_as_behind_the_sdks_own_driver(
    project: Project, byoc: Command, root: Path
) -> None:
    """TMD-05: variables, arguments and folder."""
    made = project("basic")
    (made / "src/train.py").write_text(TELL)
    values = {"trees": 7, "use-bn": True, "name": "a b", "layers": [1, 2]}
    client("trainer.py", 3, root, wish(made, fetches_code=True) | {"hyperparameters": values})
    edit(made / "byoc.toml", {"train": {"hyperparameters": values, "metrics": {}}})
    run = Path(byoc("run", "train", "--as", "sdk3", cwd=made).stdout.strip())
    theirs, ours = seen(root / "model/seen.json"), seen(run / "model/seen.json")
    assert ours["argv"] == theirs["argv"]
    assert ours["cwd"] == theirs["cwd"]
    assert ours["env"].keys() == theirs["env"].keys()
    for name in theirs["env"].keys() - OF_THE_MACHINE:
        assert ours["env"][name] == theirs["env"][name], name
    summaries = [json.loads(each["env"]["SM_TRAINING_ENV"]) for each in (ours, theirs)]
    assert summaries[0].keys() == summaries[1].keys()
    assert summaries[0]["hyperparameters"] == summaries[1]["hyperparameters"]


@pytest.mark.engine
def test_a_failing_script_keeps_its_code(project: Project, byoc: Command) -> None:
    """TMD-08."""
    made = project("basic")
    (made / "src/train.py").write_text("import sys; sys.exit(7)")
    done = byoc("run", "train", "--as", "sdk3", cwd=made, check=False)
    assert "training failed: the container ended with exit code 7" in done.stderr
    assert "the script train.py ended with exit code 7" in done.stderr


@pytest.mark.engine
def test_a_channel_with_a_dash_fails_as_it_does_there(project: Project, byoc: Command) -> None:
    """TMD-06."""
    made = project("basic")
    words = ["--channel", f"my-data={made / 'data'}"]
    done = byoc("run", "train", "--as", "sdk3", *words, cwd=made, check=False)
    assert done.returncode == 1
    assert "SM_CHANNEL_MY-DATA" in done.stderr
    assert "not a valid identifier" in done.stderr


@pytest.mark.engine
@pytest.mark.parametrize("style", ["basic", "script-mode-1", "script-mode-2", "framework"])
def test_every_style_trains_behind_the_driver(project: Project, byoc: Command, style: str) -> None:
    """A script with arguments: the basic style's own reads files, which are there too."""
    made = project(style)
    run = Path(byoc("run", "train", "--as", "sdk3", "--hp", "trees=10", cwd=made).stdout.strip())
    assert (run / "model/model.joblib").is_file()
