"""Every clause on config and manifest is seen to be kept, broken, and where it can be, set aside."""

from dataclasses import replace
from typing import Any

import pytest

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.clauses.places import PART as PLACES
from byoc_kit.contract.clauses.static import PART as STATIC
from byoc_kit.contract.evidence import Case, ImageFacts
from byoc_kit.contract.judge import judge
from byoc_kit.contract.types import ASKED_COMMANDS, Evidence, Finding, Severity, Status
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.oci.manifest import DOCKER_LAYER, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from byoc_kit.spec.types import Target

PARTS = (*STATIC, *PLACES)
ENTRYPOINT = ("/usr/bin/python3", "-I", "/opt/byoc/entry")
HEX = "0" * 64
MULTI_MODEL = "com.amazonaws.sagemaker.capabilities.multi-models"
BIND_TO_PORT = "com.amazonaws.sagemaker.capabilities.accept-bind-to-port"

GOOD = Evidence(
    image="docker:churn",
    config=ImageConfig(
        entrypoint=ENTRYPOINT, cmd=("train",), env={"PATH": "/usr/bin", "PYTHONUNBUFFERED": "1"}
    ),
    targets=(Target.TRAINING, Target.HOSTING),
    expected=Platform(),
    manifest_media_type=DOCKER_MANIFEST,
    layer_media_types=(DOCKER_LAYER, DOCKER_LAYER),
    size=900_000_000,
    commands=ASKED_COMMANDS,
    reference=f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker/churn@sha256:{HEX}",
)


def config(**changes: Any) -> dict[str, Any]:
    return {"config": replace(GOOD.config, **changes)}


def finding(clause: str, **changes: Any) -> Finding:
    report = judge(replace(GOOD, **changes), PARTS)
    return next(found for found in report.findings if found.id == clause)


def env(**pairs: str) -> dict[str, Any]:
    return config(env={"PYTHONUNBUFFERED": "1", **pairs})


def region(name: str) -> dict[str, Any]:
    return {"case": Case(region=name)}


def test_a_good_image_breaks_nothing() -> None:
    report = judge(GOOD, PARTS)
    assert {found.status for found in report.findings} == {Status.PASS, Status.SKIP}
    assert report.ok
    assert report.targets == {Target.TRAINING: True, Target.HOSTING: True}
    skipped = [found.id for found in report.findings if found.status is Status.SKIP]
    assert skipped == ["IMG-18", "SLS-01", "IMG-10", "IMG-21"]


BROKEN: list[tuple[str, dict[str, Any], Status, str]] = [
    (
        "IMG-01",
        {**config(entrypoint=None), "commands": frozenset({"serve"})},
        Status.FAIL,
        "not on PATH: train",
    ),
    (
        "IMG-01",
        {**config(entrypoint=()), "commands": frozenset[str]()},
        Status.FAIL,
        "not on PATH: serve, train",
    ),
    ("IMG-01", {"facts": ImageFacts()}, Status.FAIL, "'/usr/bin/python3', which is not in the image"),
    ("IMG-02", config(entrypoint=("/bin/sh", "-c", "python train.py")), Status.FAIL, "/bin/sh"),
    ("IMG-02", config(entrypoint=("bash", "-lc", "python train.py")), Status.FAIL, "bash"),
    ("IMG-02", config(entrypoint=("C:\\cmd.exe", "/S")), Status.PASS, "cmd.exe"),
    ("IMG-02", config(entrypoint=("cmd.exe", "/S", "/C")), Status.FAIL, "cmd.exe"),
    ("IMG-03", config(entrypoint=("/usr/bin/tini", "--")), Status.FAIL, "passes the bare word on"),
    ("IMG-03", config(entrypoint=("tini", "--", "/entry.sh")), Status.WARN, "wraps '/entry.sh'"),
    ("IMG-05", config(user="1000:100"), Status.FAIL, "'1000:100'"),
    ("IMG-05", config(user="jovyan"), Status.FAIL, "'jovyan'"),
    ("IMG-09", {"reference": "a.example/" + "b" * 250}, Status.FAIL, "260 characters"),
    ("IMG-09", {"reference": "a.example"}, Status.FAIL, "is not registry/repository"),
    ("IMG-11", {"manifest_media_type": OCI_MANIFEST}, Status.FAIL, OCI_MANIFEST),
    ("IMG-11", {"manifest_media_type": OCI_INDEX}, Status.FAIL, OCI_INDEX),
    ("IMG-11", {"layer_media_types": ("application/vnd.oci.image.layer.v1.tar+zstd",)}, Status.FAIL, "zstd"),
    (
        "IMG-11",
        {"manifest_media_type": OCI_MANIFEST, "targets": (Target.TRAINING,)},
        Status.WARN,
        OCI_MANIFEST,
    ),
    (
        "IMG-12",
        config(platform=Platform("linux", "arm64")),
        Status.FAIL,
        "linux/arm64, meant for linux/amd64",
    ),
    ("IMG-12", {**config(platform=Platform("linux", "arm64")), "expected": None}, Status.WARN, "Graviton"),
    (
        "IMG-12",
        {**config(platform=Platform("windows", "amd64")), "expected": None},
        Status.FAIL,
        "windows/amd64",
    ),
    ("IMG-13", {"size": 12_000_000_000}, Status.WARN, "12.00 GB"),
    ("IMG-17", config(env={}), Status.WARN, "PYTHONUNBUFFERED is not set"),
    ("IMG-18", {"targets": (Target.MULTI_MODEL,)}, Status.FAIL, MULTI_MODEL),
    (
        "IMG-18",
        {**config(labels={BIND_TO_PORT: "yes"}), "targets": (Target.PIPELINE,)},
        Status.FAIL,
        BIND_TO_PORT,
    ),
    ("IMG-19", config(stop_signal="SIGQUIT"), Status.WARN, "SIGQUIT"),
    ("IMG-20", config(healthcheck=True), Status.WARN, "HEALTHCHECK is set"),
    ("IMG-22", env(AWS_SECRET_ACCESS_KEY="hunter2"), Status.FAIL, "AWS_SECRET_ACCESS_KEY"),
    ("IMG-22", env(SAGEMAKER_REGION="eu-west-1"), Status.WARN, "SAGEMAKER_REGION"),
    (
        "IMG-22",
        env(AWS_REGION="eu-west-1", TRAINING_JOB_NAME="x"),
        Status.WARN,
        "AWS_REGION, TRAINING_JOB_NAME",
    ),
    ("IMG-23", {"commands": ASKED_COMMANDS - {"bash"}}, Status.WARN, "bash"),
    ("IMG-23", {"commands": ASKED_COMMANDS - {"pip", "pip3"}}, Status.WARN, "pip"),
    ("IMG-24", config(volumes=("/opt/ml/model",)), Status.WARN, "/opt/ml/model"),
    ("LCL-20", config(cmd=("serve",)), Status.WARN, "serve"),
    ("LCL-20", config(entrypoint=None, cmd=None), Status.WARN, "neither"),
    ("SLS-01", {"size": 12_000_000_000, "targets": (Target.SERVERLESS,)}, Status.FAIL, "12.00 GB"),
    ("IMG-10", region("us-east-1"), Status.FAIL, "in eu-west-1, the jobs run in us-east-1"),
    ("IMG-10", {**region("us-east-1"), "targets": (Target.TRAINING,)}, Status.WARN, "us-east-1"),
    ("IMG-21", {"reference": f"registry.example/churn@sha256:{HEX}"}, Status.WARN, "registry.example"),
    ("IMG-25", config(ports=("80/tcp", "443/tcp")), Status.WARN, "EXPOSE 443, 80"),
]


@pytest.mark.parametrize(("clause", "changes", "status", "says"), BROKEN)
def test_broken(clause: str, changes: dict[str, Any], status: Status, says: str) -> None:
    found = finding(clause, **changes)
    assert found.status is status, found.evidence
    assert says in found.evidence
    assert "hunter2" not in found.evidence


KEPT: list[tuple[str, dict[str, Any], Status]] = [
    ("IMG-01", config(entrypoint=None), Status.PASS),
    ("IMG-01", {**config(entrypoint=None), "commands": None}, Status.NOT_RUN),
    ("IMG-01", {**config(entrypoint=None), "targets": (Target.PROCESSING,)}, Status.SKIP),
    (
        "IMG-01",
        {**config(entrypoint=None), "commands": frozenset({"train"}), "targets": (Target.TUNING,)},
        Status.PASS,
    ),
    (
        "IMG-01",
        {
            **config(entrypoint=None),
            "commands": frozenset({"serve"}),
            "facts": ImageFacts(starts=("/usr/bin/train",)),
        },
        Status.PASS,
    ),
    ("IMG-02", config(entrypoint=("bash", "-m", "start_with_right_hostname.sh")), Status.PASS),
    ("IMG-02", config(entrypoint=None), Status.SKIP),
    ("IMG-03", config(entrypoint=None), Status.PASS),
    ("IMG-05", config(user="root"), Status.PASS),
    ("IMG-05", config(user="0:0"), Status.PASS),
    ("IMG-05", {**config(user="1000"), "targets": (Target.STUDIO,)}, Status.WARN),
    ("IMG-09", {"reference": None}, Status.SKIP),
    ("IMG-11", {"manifest_media_type": None}, Status.NOT_RUN),
    ("IMG-12", {"expected": None}, Status.PASS),
    ("IMG-13", {"size": None}, Status.NOT_RUN),
    ("IMG-17", {**config(env={}), "commands": ASKED_COMMANDS - {"python3"}}, Status.SKIP),
    ("IMG-18", {**config(labels={MULTI_MODEL: "true"}), "targets": (Target.MULTI_MODEL,)}, Status.PASS),
    ("IMG-19", config(stop_signal="15"), Status.PASS),
    ("IMG-22", env(SAGEMAKER_PROGRAM="train.py", SAGEMAKER_TRAINING_MODULE="a.b:c"), Status.PASS),
    ("IMG-23", {"commands": None}, Status.NOT_RUN),
    ("IMG-23", {"targets": (Target.HOSTING,)}, Status.SKIP),
    ("IMG-24", config(volumes=("/data",)), Status.PASS),
    ("LCL-20", config(cmd=None), Status.PASS),
    ("LCL-20", config(entrypoint=("/entry.sh",), cmd=None), Status.NOT_RUN),
    ("LCL-20", {"targets": (Target.HOSTING,)}, Status.SKIP),
    ("SLS-01", {"targets": (Target.SERVERLESS,)}, Status.PASS),
    ("SLS-01", {"targets": (Target.SERVERLESS,), "size": None}, Status.NOT_RUN),
    ("IMG-10", region("eu-west-1"), Status.PASS),
    ("IMG-10", {"reference": f"registry.example/churn@sha256:{HEX}"}, Status.SKIP),
    ("IMG-21", {"reference": None}, Status.SKIP),
    ("IMG-25", config(ports=("8080/tcp", "80/tcp")), Status.PASS),
    ("IMG-25", {**config(ports=("80/tcp",)), "targets": (Target.TRAINING,)}, Status.SKIP),
]


@pytest.mark.parametrize(("clause", "changes", "status"), KEPT)
def test_not_broken(clause: str, changes: dict[str, Any], status: Status) -> None:
    assert finding(clause, **changes).status is status


def test_every_clause_is_seen_broken_in_this_file() -> None:
    assert {clause for clause, _, status, _ in BROKEN if status is not Status.PASS} == {c.id for c in PARTS}


def test_only_a_must_fails() -> None:
    failing = {clause for clause, _, status, _ in BROKEN if status is Status.FAIL}
    warned = {"IMG-21"}  # of the job, not of the image
    assert failing == {clause.id for clause in PARTS if clause.severity is Severity.MUST} - warned


def test_ids_are_unique_and_every_clause_says_what_to_do() -> None:
    ids = [clause.id for clause in CLAUSES]
    assert len(ids) == len(set(ids))
    assert all(clause.says and clause.source and clause.fix for clause in CLAUSES)


def test_one_target_can_break_while_the_other_works() -> None:
    report = judge(replace(GOOD, config=replace(GOOD.config, entrypoint=None), commands=frozenset({"train"})))
    assert not report.ok
    assert report.targets == {Target.TRAINING: True, Target.HOSTING: False}
    assert next(f for f in report.findings if f.id == "IMG-01").breaks == {Target.HOSTING}
