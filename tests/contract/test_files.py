"""Every clause on the files of an image is seen to be kept, broken, set aside, and left open."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from byoc_kit.contract.clauses.files import PART as FILES
from byoc_kit.contract.clauses.toolkits import PART as TOOLKITS
from byoc_kit.contract.evidence import Case, File, ImageFacts
from byoc_kit.contract.judge import judge
from byoc_kit.contract.types import Evidence, Finding, Severity, Status
from byoc_kit.oci.config import ImageConfig
from byoc_kit.spec.types import Target

PARTS = (*FILES, *TOOLKITS)
DEPENDENCIES = {
    "boto3": "1",
    "gevent": "1",
    "inotify-simple": "1",
    "numpy": "2",
    "paramiko": "3",
    "protobuf": "5",
    "psutil": "5",
    "retrying": "1",
    "scipy": "1",
    "werkzeug": "3",
}
SERVING_TOOLKIT = {"sagemaker-inference": "1.10.1", "setuptools": "81.0.0"}
DECODER = "/usr/lib/python3/dist-packages/sagemaker_inference/decoder.py"


def script(text: str, mode: int = 0o755, path: str = "/opt/program/entry") -> File:
    return File(path=path, mode=mode, size=len(text), text=text)


def facts(*files: File, **changes: Any) -> ImageFacts:
    """Of a good image, with *files* more."""
    interpreters = (File(path="/bin/sh", mode=0o755), File(path="/usr/bin/env", mode=0o755))
    start = script('#!/bin/sh\nexec python3 "$@"\n')
    known = {file.path for file in files}
    own = [file for file in (start, *interpreters) if file.path not in known]
    good = ImageFacts(
        files=(*own, *files),
        starts=("/opt/program/entry",),
        programs=frozenset(
            {"/bin/bash", "bash", "chmod", "cat", "python3", "python", "pip", "ls", "tar", "gzip"}
        ),
        distributions={"setuptools": "81.0.0"},
        python=(3, 11),
    )
    return replace(good, **changes)


GOOD = Evidence(
    image="docker:churn",
    config=ImageConfig(entrypoint=("/opt/program/entry",)),
    targets=(Target.TRAINING, Target.PROCESSING, Target.SERVERLESS),
    facts=facts(),
)


def finding(clause: str, change: Mapping[str, Any]) -> Finding:
    report = judge(replace(GOOD, **change), PARTS)
    return next(found for found in report.findings if found.id == clause)


def seen(*files: File, **changes: Any) -> dict[str, Any]:
    return {"facts": facts(*files, **changes)}


def started_by(text: str, mode: int = 0o755) -> dict[str, Any]:
    return seen(script(text, mode))


def with_model(*files: File) -> dict[str, Any]:
    return {"case": Case(model="model.tar.gz", model_files=files)}


def at(*paths: str) -> tuple[File, ...]:
    return tuple(File(path=path) for path in paths)


MPI = {"programs": frozenset({"mpirun", "ssh", "sshd"})}
TRUSTING = (
    File(path="/etc/ssh/ssh_config", text="Host *\n  StrictHostKeyChecking no\n"),
    *at("/etc/ssh/ssh_host_rsa_key"),
)
CUDA = {"cuda": True}
GPU_ENV = {"NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}

BROKEN: list[tuple[str, dict[str, Any], Status, str]] = [
    ("IMG-04", started_by("#!/bin/sh\n", 0o644), Status.FAIL, "is not executable (mode 644)"),
    ("IMG-04", started_by("#!/bin/sh\r\nexec x\r\n"), Status.FAIL, "line ends of Windows"),
    ("IMG-04", started_by("import os\n"), Status.FAIL, "does not begin with #!"),
    ("IMG-04", started_by(""), Status.FAIL, "does not begin with #!"),
    ("IMG-04", started_by("#!/usr/bin/python\n"), Status.FAIL, "there is no /usr/bin/python"),
    ("IMG-04", started_by("#!/usr/bin/env ruby\n"), Status.FAIL, "there is no ruby"),
    ("IMG-04", started_by("#!/usr/bin/env -S ruby -w\n"), Status.FAIL, "there is no ruby"),
    ("IMG-04", started_by("#!\n"), Status.FAIL, "there is no interpreter"),
    (
        "IMG-04",
        seen(script("set -e\r\ntrain\r\n", 0o644, "/entry.sh"), scripts=("/entry.sh",)),
        Status.FAIL,
        "/entry.sh has line ends of Windows",
    ),
    ("IMG-07", seen(*at("/opt/ml/model/model.pkl")), Status.WARN, "/opt/ml/model/model.pkl"),
    ("IMG-07", seen(*at(*(f"/opt/ml/data/{n}" for n in range(5)))), Status.WARN, "and 2 more"),
    ("IMG-08", seen(starts=("/opt/ml/code/train",)), Status.WARN, "/opt/ml/code/train"),
    ("IMG-08", {"config": ImageConfig(workdir="/opt/ml")}, Status.WARN, "it starts with /opt/ml"),
    ("IMG-14", seen(*at("/usr/lib/x86_64-linux-gnu/libcuda.so.535.1")), Status.FAIL, "libcuda.so.535.1"),
    ("IMG-14", seen(*at("/usr/bin/nvidia-smi")), Status.FAIL, "nvidia-smi"),
    ("IMG-15", seen(**CUDA), Status.WARN, "NVIDIA_DRIVER_CAPABILITIES, NVIDIA_VISIBLE_DEVICES"),
    (
        "IMG-16",
        {**seen(**CUDA), "config": ImageConfig(env={"LD_LIBRARY_PATH": "/usr/lib:/usr/local/cuda/compat"})},
        Status.WARN,
        "compatibility",
    ),
    ("INF-15", with_model(File(path="a/model", kind="symlink")), Status.FAIL, "links in the model: a/model"),
    ("INF-15", with_model(File(path="model", kind="hardlink")), Status.FAIL, "links in the model: model"),
    ("INF-15", with_model(File(path="churn", kind="dir"), *at("churn/m")), Status.WARN, "below churn/"),
    ("SLS-04", seen(closed=("/opt/program/entry",)), Status.WARN, "/opt/program/entry"),
    ("TMD-02", seen(programs=frozenset({"cat", "chmod", "python3", "pip3"})), Status.WARN, "/bin/bash"),
    ("TMD-02", seen(programs=frozenset({"/bin/bash", "cat", "chmod"})), Status.WARN, "pip3, python3"),
    (
        "PRC-10",
        seen(programs=frozenset({"/bin/bash", "ls", "python3", "pip"})),
        Status.WARN,
        "gzip, python, tar",
    ),
    ("DIS-05", seen(*at("/opt/amazon/efa/lib/libfabric.so")), Status.FAIL, "fi_info"),
    ("DIS-05", seen(*at("/opt/amazon/efa/bin/fi_info"), **CUDA), Status.FAIL, "libnccl-net.so"),
    (
        "DIS-05",
        seen(*at("/opt/amazon/efa/bin/fi_info", "/lib/modules/5/efa.ko")),
        Status.FAIL,
        "kernel module",
    ),
    ("DIS-06", seen(**MPI), Status.WARN, "mpirun, but not StrictHostKeyChecking no, a host key"),
    (
        "DIS-06",
        seen(
            *TRUSTING,
            programs=frozenset({"mpirun", "ssh"}),
            distributions={"sagemaker-training": "5.1.4", "mpi4py": "4.0"},
        ),
        Status.FAIL,
        "sshd",
    ),
    (
        "TTK-05",
        seen(*at("/opt/ml/code/a.py"), distributions={"sagemaker-training": "5"}),
        Status.WARN,
        "a.py",
    ),
    ("TTK-51", seen(distributions={"sagemaker-training": "5.1.4"}), Status.FAIL, "needs boto3, gevent"),
    ("STK-02", seen(distributions=SERVING_TOOLKIT), Status.FAIL, "java, multi-model-server"),
    ("STK-11", seen(distributions={**SERVING_TOOLKIT, "setuptools": "82.0.1"}), Status.FAIL, "82.0.1"),
    ("STK-11", seen(distributions={"sagemaker-inference": "1.10.1"}), Status.FAIL, "is missing"),
    ("STK-13", seen(File(path=DECODER, text="np.load(x, allow_pickle=True)")), Status.WARN, "unpickles"),
]


@pytest.mark.parametrize(("clause", "change", "status", "says"), BROKEN)
def test_broken(clause: str, change: dict[str, Any], status: Status, says: str) -> None:
    found = finding(clause, change)
    assert found.status is status, found.evidence
    assert says in found.evidence


KEPT: list[tuple[str, dict[str, Any], Status]] = [
    ("IMG-04", started_by("#!/usr/bin/env -S python3 -I\n"), Status.PASS),
    ("IMG-04", seen(File(path="/opt/program/entry", mode=0o755, text=None)), Status.PASS),
    ("IMG-04", seen(script("import os\r\n", 0o644, "/t.sh"), scripts=("/gone.sh",)), Status.PASS),
    ("IMG-04", seen(starts=()), Status.NOT_RUN),
    ("IMG-07", seen(*at("/opt/ml/code/train.py")), Status.PASS),
    ("IMG-07", seen(File(path="/opt/ml/model", kind="dir")), Status.PASS),
    ("IMG-08", seen(starts=("/opt/mlops/train",)), Status.PASS),
    ("IMG-14", seen(*at("/usr/local/cuda/compat/libcuda.so.535.1", "/x/stubs/libcuda.so")), Status.PASS),
    ("IMG-15", {**seen(**CUDA), "config": ImageConfig(env=GPU_ENV)}, Status.PASS),
    ("IMG-15", {}, Status.SKIP),
    ("IMG-16", seen(**CUDA), Status.PASS),
    ("IMG-16", {}, Status.SKIP),
    ("INF-15", with_model(*at("model.pkl", "code/inference.py")), Status.PASS),
    ("INF-15", with_model(File(path=".", kind="dir"), *at("./model.pkl")), Status.PASS),
    ("INF-15", with_model(), Status.PASS),
    ("INF-15", {}, Status.SKIP),
    ("INF-15", {**with_model(*at("a/b")), "targets": (Target.TRAINING,)}, Status.SKIP),
    ("TMD-02", seen(programs=frozenset({"/bin/bash", "cat", "chmod", "python", "pip"})), Status.PASS),
    ("DIS-05", {}, Status.SKIP),
    ("DIS-05", seen(*at("/opt/amazon/efa/bin/fi_info")), Status.PASS),
    ("DIS-06", {}, Status.SKIP),
    ("DIS-06", seen(*TRUSTING, **MPI), Status.PASS),
    ("TTK-05", {}, Status.SKIP),
    ("TTK-05", seen(distributions={"sagemaker-training": "5"}), Status.PASS),
    ("TTK-51", {}, Status.SKIP),
    ("TTK-51", seen(distributions={**DEPENDENCIES, "sagemaker-training": "5.1.4"}), Status.PASS),
    (
        "STK-02",
        seen(distributions=SERVING_TOOLKIT, programs=frozenset({"java", "multi-model-server"})),
        Status.PASS,
    ),
    ("STK-11", seen(distributions=SERVING_TOOLKIT), Status.PASS),
    ("STK-13", seen(File(path=DECODER, text="np.load(x, allow_pickle=False)")), Status.PASS),
    ("STK-13", {}, Status.SKIP),
]


@pytest.mark.parametrize(("clause", "change", "status"), KEPT)
def test_not_broken(clause: str, change: dict[str, Any], status: Status) -> None:
    assert finding(clause, change).status is status


def test_a_good_image_breaks_nothing() -> None:
    assert {found.status for found in judge(GOOD, PARTS).findings} == {Status.PASS, Status.SKIP}


def test_where_nobody_has_looked_nothing_is_said() -> None:
    report = judge(replace(GOOD, facts=None), PARTS)
    left = {found.id for found in report.findings if found.status is Status.NOT_RUN}
    assert left == {clause.id for clause in PARTS} - {"INF-15"}


def test_every_clause_is_seen_broken_in_this_file() -> None:
    assert {clause for clause, *_ in BROKEN} == {c.id for c in PARTS}


def test_only_a_must_fails() -> None:
    failing = {clause for clause, _, status, _ in BROKEN if status is Status.FAIL}
    of_some_jobs_only = {"TMD-02"}
    assert failing == {c.id for c in PARTS if c.severity is Severity.MUST} - of_some_jobs_only
