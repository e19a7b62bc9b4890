"""A boto3 CreateHyperParameterTuningJob request, already checked against the service's model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from byoc_kit.errors import UsageError
from byoc_kit.job.tuning import Goal, Range, choice, interval

__all__ = ["TuningRequest", "read_tuning_request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRequest:
    """What a job file asks for, in the words of CreateHyperParameterTuningJob."""

    name: str
    ranges: tuple[Range, ...]
    objective: str
    goal: Goal
    jobs: int | None
    """MaxNumberOfTrainingJobs."""
    parallel: int
    seed: int
    training: Mapping[str, Any]
    """The CreateTrainingJob request that every training job of it comes from, without the tuned values."""


def read_tuning_request(document: Mapping[str, Any], *, name: str) -> TuningRequest:
    """The request in *document* of the file *name*. Raises UsageError for what cannot be tried here."""
    definition = _definition(document, name)
    config = document["HyperParameterTuningJobConfig"]
    objective = definition.get("TuningObjective") or config.get("HyperParameterTuningJobObjective")
    ranges = definition.get("HyperParameterRanges") or config.get("ParameterRanges", {})
    problems = []
    if objective is None:
        problems.append("HyperParameterTuningJobObjective: which metric is tuned is not said")
    if ranges.get("AutoParameters"):
        problems.append("AutoParameters: only the service chooses their ranges")
    if "AlgorithmName" in definition["AlgorithmSpecification"]:
        problems.append("AlgorithmName: an algorithm of the marketplace is no image of this machine")
    if problems:
        raise _refused(name, problems)
    limits = config["ResourceLimits"]
    return TuningRequest(
        name=document["HyperParameterTuningJobName"],
        ranges=tuple(_ranges(ranges)),
        objective=objective["MetricName"],
        goal=objective["Type"],
        jobs=limits.get("MaxNumberOfTrainingJobs"),
        parallel=limits["MaxParallelTrainingJobs"],
        seed=config.get("RandomSeed", 0),
        training=_training(document["HyperParameterTuningJobName"], definition),
    )


def _definition(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The one training job definition. Raises UsageError for none or several."""
    several = document.get("TrainingJobDefinitions", [])
    found = [document["TrainingJobDefinition"]] if "TrainingJobDefinition" in document else several
    if len(found) != 1:
        raise _refused(name, [f"TrainingJobDefinitions: {len(found)} of them, one can be tried at a time"])
    definition: Mapping[str, Any] = found[0]
    return definition


def _ranges(ranges: Mapping[str, Any]) -> Iterator[Range]:
    for kind, whole in (("IntegerParameterRanges", True), ("ContinuousParameterRanges", False)):
        for each in ranges.get(kind, ()):
            scaling = each.get("ScalingType", "Auto")
            yield interval(each["Name"], each["MinValue"], each["MaxValue"], scaling, whole=whole)
    for each in ranges.get("CategoricalParameterRanges", ()):
        yield choice(each["Name"], tuple(each["Values"]))


def _training(name: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """What the service makes of the definition for each job; the image is started with ``train`` (HPO-05)."""
    resources = definition.get("ResourceConfig") or _resources(
        definition.get("HyperParameterTuningResourceConfig", {})
    )
    taken = (
        "RoleArn",
        "InputDataConfig",
        "VpcConfig",
        "OutputDataConfig",
        "StoppingCondition",
        "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
        "CheckpointConfig",
        "RetryStrategy",
        "Environment",
    )
    return {
        "TrainingJobName": name,
        "HyperParameters": definition.get("StaticHyperParameters", {}),
        "AlgorithmSpecification": definition["AlgorithmSpecification"],
        "ResourceConfig": resources,
        **{key: definition[key] for key in taken if key in definition},
    }


def _resources(config: Mapping[str, Any]) -> dict[str, Any]:
    """ResourceConfig from HyperParameterTuningResourceConfig; of several configurations the first."""
    first = (config.get("InstanceConfigs") or [config])[0]
    return {
        "InstanceType": first.get("InstanceType", "ml.m5.xlarge"),
        "InstanceCount": first.get("InstanceCount", 1),
        "VolumeSizeInGB": first.get("VolumeSizeInGB", 30),
    }


def _refused(name: str, problems: list[str]) -> UsageError:
    return UsageError(
        f"{name}: this tuning job cannot be tried here",
        why="byoc run tune takes values from the ranges of one training job definition",
        fix="change the members named above in a copy of the file, and give byoc the copy",
        id="BYOC-E449",
        details=problems,
    )
