"""The config files of a job, shape by shape (appendix A of the contract)."""

import json
from pathlib import PurePath

from byoc_kit.job.files import config_files
from byoc_kit.job.types import Channel, InstanceGroup, TrainingJob


def job(**changes: object) -> TrainingJob:
    usual: dict[str, object] = {"name": "job-1", "hyperparameters": {}, "channels": ()}
    return TrainingJob(**{**usual, **changes})  # type: ignore[arg-type]


def read(job: TrainingJob, name: str, host: str = "algo-1") -> object:
    return json.loads(config_files(job, host)[name])


def test_a_job_without_anything_has_three_files() -> None:
    """TRN-09."""
    assert set(config_files(job(), "algo-1")) == {
        "hyperparameters.json",
        "inputdataconfig.json",
        "resourceconfig.json",
    }
    assert read(job(), "inputdataconfig.json") == {}


def test_hyperparameters_come_through_as_they_are() -> None:
    """CFG-01, CFG-02."""
    values = {
        "optimizer": '"adam"',
        "layers": "[64, 32]",
        "note": 'it\'s "quoted" $HOME `id` é',
        "long": "x" * 2500,
    }
    assert read(job(hyperparameters=values), "hyperparameters.json") == values


def test_input_data_config_has_a_content_type_only_if_one_was_given() -> None:
    """CFG-03."""
    channels = (
        Channel(name="train", source=PurePath("/d")),
        Channel(name="val-set", source=PurePath("/v"), mode="FastFile", content_type="text/csv"),
    )
    assert read(job(channels=channels), "inputdataconfig.json") == {
        "train": {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        },
        "val-set": {
            "TrainingInputMode": "FastFile",
            "ContentType": "text/csv",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        },
    }


def test_resource_config_of_one_host() -> None:
    """CFG-05."""
    assert read(job(), "resourceconfig.json") == {
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.xlarge",
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [
            {
                "instance_group_name": "homogeneousCluster",
                "instance_type": "ml.m5.xlarge",
                "hosts": ["algo-1"],
            }
        ],
        "network_interface_name": "eth0",
        "topology": None,
    }


def test_resource_config_of_groups_sorts_all_hosts_but_not_those_of_a_group() -> None:
    """CFG-05."""
    groups = (
        InstanceGroup(name="gpu", instance_type="ml.p3.16xlarge", hosts=("algo-2", "algo-1")),
        InstanceGroup(name="data", instance_type="ml.c5.9xlarge", hosts=("algo-3",)),
    )
    content = read(
        job(hosts=("algo-3", "algo-1", "algo-2"), groups=groups), "resourceconfig.json", host="algo-3"
    )
    assert isinstance(content, dict)
    assert content["hosts"] == ["algo-1", "algo-2", "algo-3"]
    assert content["current_group_name"] == "data"
    assert content["current_instance_type"] == "ml.c5.9xlarge"
    assert content["instance_groups"][0]["hosts"] == ["algo-2", "algo-1"]
