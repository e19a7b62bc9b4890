"""byoc verify on images of the engine and of a registry."""

import io
import json
from pathlib import Path

import docker
import pytest

from byoc_kit.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from images.remote import image_document, put_manifest
from rig.projects import Command, Project

pytestmark = pytest.mark.engine
STATIC = ("--depth", "static", "--json")


def statuses(report: str) -> dict[str, str]:
    return {clause["id"]: clause["status"] for clause in json.loads(report)["clauses"]}


@pytest.mark.parametrize("style", ["basic", "script-mode-1"])
def test_our_own_images_keep_every_static_clause(project: Project, byoc: Command, style: str) -> None:
    done = byoc("verify", "--json", "--depth", "static", cwd=project(style))
    found = statuses(done.stdout)
    assert set(found.values()) <= {"pass", "skip", "not-run"}
    assert found["IMG-11"] == "not-run"
    assert {found[name] for name in ("IMG-01", "IMG-02", "IMG-05", "IMG-12", "LCL-20")} == {"pass"}
    assert json.loads(done.stdout)["targets"] == {"training": True, "hosting": True}


def test_a_base_that_has_neither_train_nor_serve_fails(base: str, byoc: Command) -> None:
    done = byoc("verify", base, "--target", "training,hosting", "--depth", "static", check=False)
    assert done.returncode == 3
    assert "fail    IMG-01" in done.stdout.splitlines()[1]
    assert "seen: no ENTRYPOINT; not on PATH: serve, train" in done.stdout


FAULTY = b"""
FROM scratch
ENTRYPOINT run
USER 1000
STOPSIGNAL SIGQUIT
VOLUME /opt/ml/model
ENV AWS_SECRET_ACCESS_KEY=hunter2
HEALTHCHECK CMD true
"""


def test_each_fault_of_a_config_is_found(engine: docker.DockerClient, byoc: Command) -> None:
    image, _ = engine.images.build(fileobj=io.BytesIO(FAULTY), rm=True)
    try:
        done = byoc("verify", f"docker:{image.id}", "--json", "--depth", "static", check=False)
    finally:
        engine.images.remove(str(image.id), force=True)
    found = statuses(done.stdout)
    assert done.returncode == 3
    assert {name: status for name, status in found.items() if status in {"fail", "warn"}} == {
        **dict.fromkeys(["IMG-02", "IMG-05", "IMG-22"], "fail"),
        **dict.fromkeys(["IMG-17", "IMG-19", "IMG-20", "IMG-24"], "warn"),
    }
    assert found["IMG-23"] == "not-run"
    assert "hunter2" not in done.stdout + done.stderr


def test_an_image_in_a_registry_needs_no_engine(registry: str, byoc: Command) -> None:
    base = f"http://{registry}/v2/v/remote"
    put_manifest(base, "1", image_document(base))
    done = byoc("verify", f"{registry}/v/remote:1", "--json", env={"DOCKER_HOST": "unix:///nowhere"})
    assert statuses(done.stdout)["IMG-11"] == "pass"
    assert json.loads(done.stdout)["image"] == f"{registry}/v/remote:1"


def test_an_index_in_a_registry_breaks_hosting_only(registry: str, byoc: Command) -> None:
    base, image = f"http://{registry}/v2/v/index", f"{registry}/v/index:1"
    document = image_document(base, (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER))
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": put_manifest(base, "one", document),
        "size": len(json.dumps(document)),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    put_manifest(base, "1", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]})
    done = byoc("verify", image, "--target", "training,hosting", *STATIC, check=False)
    assert done.returncode == 3
    assert json.loads(done.stdout)["targets"] == {"training": True, "hosting": False}
    training = byoc("verify", image, "--target", "training", *STATIC)
    assert statuses(training.stdout)["IMG-11"] == "warn"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["docker:not-there"], 1, "BYOC-E304"),
        (["127.0.0.1:1/a:b"], 1, "BYOC-E505"),
        (["oci:folder"], 1, "BYOC-E522"),
        (["Not An Image"], 2, "BYOC-E501"),
        (["byoc", "--target", "trainign"], 2, "'trainign' is no target; there are: training, tuning"),
        ([], 2, "BYOC-E103"),
    ],
)
def test_what_cannot_be_verified(
    byoc: Command, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    done = byoc("verify", *arguments, cwd=tmp_path, check=False)
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
