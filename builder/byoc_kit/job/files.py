"""The files under /opt/ml/input/config, as the service writes them (clauses CFG-01 to CFG-06)."""

import json
from collections.abc import Mapping

from byoc_kit.job.types import HOMOGENEOUS, Channel, InstanceGroup, TrainingJob

__all__ = ["config_files", "input_data_config", "resource_config"]


def config_files(job: TrainingJob, host: str) -> Mapping[str, str]:
    """File name to JSON text, for the container of *host*."""
    contents = {
        "hyperparameters.json": dict(job.hyperparameters),
        "inputdataconfig.json": input_data_config(job.channels_of(host)),
        "resourceconfig.json": resource_config(job, host),
    }
    return {name: json.dumps(content, ensure_ascii=False) for name, content in contents.items()}


def input_data_config(channels: tuple[Channel, ...]) -> dict[str, dict[str, str]]:
    """inputdataconfig.json; ``ContentType`` only where it was given (CFG-03)."""
    return {channel.name: _channel(channel) for channel in channels}


def _channel(channel: Channel) -> dict[str, str]:
    content_type = {"ContentType": channel.content_type} if channel.content_type else {}
    return {
        "TrainingInputMode": channel.mode,
        **content_type,
        "S3DistributionType": channel.distribution,
        "RecordWrapperType": channel.record_wrapper,
    }


def resource_config(job: TrainingJob, host: str) -> dict[str, object]:
    """resourceconfig.json of *host* (CFG-05): all hosts sorted, a group's hosts in the group's own order."""
    groups = job.groups or (
        InstanceGroup(name=HOMOGENEOUS, instance_type=job.instance_type, hosts=job.hosts),
    )
    own = job.group_of(host)
    return {
        "current_host": host,
        "current_instance_type": own.instance_type,
        "current_group_name": own.name,
        "hosts": sorted(job.hosts),
        "instance_groups": [_group(group) for group in groups],
        "network_interface_name": "eth0",
        "topology": None,
    }


def _group(group: InstanceGroup) -> dict[str, object]:
    return {
        "instance_group_name": group.name,
        "instance_type": group.instance_type,
        "hosts": list(group.hosts),
    }
