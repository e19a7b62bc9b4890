"""``byoc publish`` into ECR, by the command a user types, without an engine."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.oci.manifest import DOCKER_MANIFEST, OCI_MANIFEST
from ecr.small import Small
from rig.ecr import Ecr
from rig.projects import Command

pytestmark = pytest.mark.long

Tags = dict[str, str]


def tags(ecr: Ecr, path: str = "sagemaker/churn", region: str | None = None) -> Tags:
    """Tag to digest, as the API tells them."""
    listed = ecr.client("ecr", region=region).list_images(repositoryName=path)["imageIds"]
    return {each["imageTag"]: each["imageDigest"] for each in listed if "imageTag" in each}


def manifest(ecr: Ecr, digest: str, path: str = "sagemaker/churn") -> Mapping[str, Any]:
    found = ecr.client("ecr").batch_get_image(repositoryName=path, imageIds=[{"imageDigest": digest}])
    document: Mapping[str, Any] = json.loads(found["images"][0]["imageManifest"])
    return document


def asked(ecr: Ecr) -> list[str]:
    return [f"{each.kind} {each.method} {each.path}" for each in ecr.requests]


def test_from_nothing_to_an_image_with_all_its_tags(ecr: Ecr, small: Small, byoc: Command) -> None:
    planned = json.loads(
        byoc("publish", small.image(), "--dry-run", "--json", cwd=small.folder, env=ecr.environ()).stdout
    )
    assert planned["mutations"][0].startswith("create the repository")
    assert not ecr.client("ecr").describe_repositories()["repositories"]
    printed = byoc("publish", small.image(), cwd=small.folder, env=ecr.environ()).stdout.strip()
    names = [planned["content_tag"], "1.4.2", "1.4", "1", "latest"]
    host, _, digest = printed.partition("/sagemaker/churn@")
    assert host == ecr.host()
    assert tags(ecr) == dict.fromkeys(names, digest)
    assert manifest(ecr, digest)["mediaType"] == DOCKER_MANIFEST
    assert small.record["tags"] == names
    assert small.record["uris"]["us-east-1"][0] == printed
    assert small.record["published"] is None


def test_the_same_again_sends_nothing(ecr: Ecr, small: Small, byoc: Command) -> None:
    first = byoc("publish", small.image(), cwd=small.folder, env=ecr.environ()).stdout
    kept = (small.folder / ".byoc" / "record.json").read_bytes()
    ecr.requests.clear()
    assert byoc("publish", small.image(), cwd=small.folder, env=ecr.environ()).stdout == first
    assert len(ecr.requests) <= 6, asked(ecr)
    assert {each.method for each in ecr.requests if each.kind == "registry"} == {"GET", "HEAD"}
    assert not any("/blobs/" in each.path for each in ecr.requests)
    assert (small.folder / ".byoc" / "record.json").read_bytes() == kept


def test_on_another_machine_it_is_believed_what_the_record_tells(
    ecr: Ecr, small: Small, byoc: Command
) -> None:
    """Nothing is fetched to be judged again: the record beside the image was asked the same."""
    first = byoc("publish", small.image(), cwd=small.folder, env=ecr.environ()).stdout
    kept = (small.folder / ".byoc" / "record.json").read_bytes()
    (small.folder / ".byoc" / "record.json").unlink()
    ecr.requests.clear()
    assert byoc("publish", small.image(), cwd=small.folder, env=ecr.environ()).stdout == first
    assert (small.folder / ".byoc" / "record.json").read_bytes() == kept
    assert len(ecr.requests) <= 12, asked(ecr)
    assert sum("/blobs/" in each.path for each in ecr.requests) == 1, "the record itself"


NO_DOCKER = {"DOCKER_HOST": "tcp://127.0.0.1:9"}


def test_a_project_without_docker_from_nothing_and_again(ecr: Ecr, small: Small, byoc: Command) -> None:
    environ = ecr.environ(index=True) | NO_DOCKER
    small.on_python()
    byoc("lock", cwd=small.folder, env=environ)
    printed = byoc("publish", cwd=small.folder, env=environ).stdout
    digest = printed.strip().partition("@")[2]
    assert {tags(ecr)[name] for name in ("1.4.2", "1.4", "1", "latest")} == {digest}
    assert small.record["base"]["digest"]
    lock = (small.folder / "pylock.byoc.toml").read_bytes()
    assert small.record["lock_sha256"] == hashlib.sha256(lock).hexdigest()
    assert small.record["delta"] == {"added": {}, "changed": {}}
    bill = small.record["sbom"]["digest"]
    assert manifest(ecr, bill)["subject"]["digest"] == digest
    for _ in range(2):
        ecr.requests.clear()
        assert byoc("publish", cwd=small.folder, env=environ).stdout == printed
        assert len(ecr.requests) <= 12, asked(ecr)
        assert not any("/blobs/" in each for each in asked(ecr)), asked(ecr)
        assert {each.method for each in ecr.requests if each.kind == "registry"} == {"GET", "HEAD"}
    (small.folder / "src" / "process.py").write_text("print('another')\n")
    planned = json.loads(byoc("publish", "--dry-run", "--json", cwd=small.folder, env=environ).stdout)
    assert planned["build"]
    assert [each["tag"] for each in planned["conflicts"]] == ["1.4.2"]


def test_an_immutable_repository_takes_the_same_again_and_refuses_another(
    ecr: Ecr, small: Small, byoc: Command
) -> None:
    more = '[publish.ecr]\nmutability = "immutable"\n'
    small.write(more=more)
    first = byoc("publish", small.image(), cwd=small.folder, env=ecr.environ()).stdout
    before = tags(ecr)
    assert byoc("publish", small.image(), cwd=small.folder, env=ecr.environ()).stdout == first
    refused = byoc("publish", small.image("two"), cwd=small.folder, env=ecr.environ(), check=False)
    assert refused.returncode == 1
    assert "BYOC-E512" in refused.stderr
    assert "immutable" in refused.stderr
    assert tags(ecr) == before
    small.write(version="1.4.3")
    done = byoc("publish", small.image("two"), cwd=small.folder, env=ecr.environ())
    assert "latest" not in small.record["tags"]
    assert tags(ecr)["1.4.3"] == done.stdout.strip().partition("@")[2] != tags(ecr)["latest"]


def test_tags_that_are_excluded_from_immutability_move(ecr: Ecr, small: Small, byoc: Command) -> None:
    lines = ['mutability = "immutable"', 'mutability-exclusions = ["latest", "1", "1.4"]']
    small.write(more="[publish.ecr]\n" + "\n".join(lines) + "\n")
    byoc("publish", small.image(), cwd=small.folder, env=ecr.environ())
    small.write(version="1.4.3")
    done = byoc("publish", small.image("two"), cwd=small.folder, env=ecr.environ())
    digest = done.stdout.strip().partition("@")[2]
    assert {name for name, each in tags(ecr).items() if each == digest} >= {"1.4.3", "1.4", "1", "latest"}


def test_a_tag_that_turns_out_to_stay_is_told(ecr: Ecr, small: Small, byoc: Command) -> None:
    """The settings cannot be read, so only putting the tag shows that it stays."""
    byoc("publish", small.image(), cwd=small.folder, env=ecr.environ())
    small.write(version="1.4.3")

    def freeze() -> None:
        ecr.client("ecr").put_image_tag_mutability(
            repositoryName="sagemaker/churn", imageTagMutability="IMMUTABLE"
        )

    ecr.faults.when("registry PUT /v2/sagemaker/churn/manifests/1.4.3", freeze)
    done = byoc("publish", small.image("two"), cwd=small.folder, env=ecr.environ())
    assert "latest stays what it is" in done.stderr
    assert tags(ecr)["latest"] == tags(ecr)["1.4.2"]
    assert "latest" not in small.record["tags"]


def test_an_oci_manifest_for_those_who_take_one(ecr: Ecr, small: Small, byoc: Command) -> None:
    small.write(more="oci = true\n")
    printed = byoc("publish", small.image(), cwd=small.folder, env=ecr.environ()).stdout
    digest = printed.strip().partition("@")[2]
    form = small.record["manifests"]["oci"]
    assert form["targets"] == ["training", "processing"]
    assert manifest(ecr, form["digest"])["mediaType"] == OCI_MANIFEST
    same = [manifest(ecr, each)["config"]["digest"] for each in (digest, form["digest"])]
    assert same[0] == same[1]
    assert tags(ecr)["1.4.2-oci"] == form["digest"] != tags(ecr)["1.4.2"]
    ecr.requests.clear()
    byoc("publish", small.image(), cwd=small.folder, env=ecr.environ())
    assert {each.method for each in ecr.requests if each.kind == "registry"} == {"GET", "HEAD"}


def test_templates_and_who_and_when(ecr: Ecr, small: Small, byoc: Command, tmp_path: Path) -> None:
    small.write(more='tags = ["{version}-{framework}"]\n')
    copy = tmp_path / "byoc-record.json"
    byoc("publish", small.image(), "--stamp", "--record", copy, cwd=small.folder, env=ecr.environ())
    assert "1.4.2-python" in tags(ecr)
    assert json.loads(copy.read_text()) == small.record
    assert small.record["published"]["by"].startswith("arn:aws:sts::111122223333:assumed-role/")
    assert small.record["published"]["at"].endswith("Z")


def test_the_record_is_read_back_from_the_registry(
    ecr: Ecr, small: Small, byoc: Command, tmp_path: Path
) -> None:
    printed = byoc("publish", small.image(), cwd=small.folder, env=ecr.environ()).stdout.strip()
    for name in (printed, f"{ecr.host()}/sagemaker/churn:1.4"):
        shown = byoc("record", "show", name, "--json", cwd=tmp_path, env=ecr.environ())
        assert json.loads(shown.stdout) == small.record
    code = byoc(
        "record", "show", printed, "--for", "process", "--with", "boto3", cwd=tmp_path, env=ecr.environ()
    )
    assert f'IMAGE = "{printed}"' in code.stdout
    missing = byoc(
        "record", "show", f"{ecr.host()}/sagemaker/churn:2", cwd=tmp_path, env=ecr.environ(), check=False
    )
    assert (missing.returncode, "BYOC-E516" in missing.stderr) == (1, True)


def test_two_at_once_one_wins_and_the_other_is_told(
    ecr: Ecr, small: Small, byoc: Command, tmp_path: Path
) -> None:
    """Both see that the version is free, and put it; then one image has all tags, one of them fails."""
    other = Small(tmp_path / "other" / "project").write()
    jobs = [(small, small.image("one")), (other, other.image("two"))]
    environ = ecr.environ()
    byoc("publish", small.image("one"), cwd=small.write(version="1.0.0").folder, env=environ)
    small.write(version="1.4.2")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "byoc_kit", "publish", image],
            cwd=each.folder,
            env={
                **os.environ,
                **environ,
                "BYOC_CACHE_DIR": str(tmp_path / f"cache{place}"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for place, (each, image) in enumerate(jobs)
    ]
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda process: process.communicate(timeout=120), processes))
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1], said
    winner = said[codes.index(0)][0].strip().partition("@")[2]
    assert {tags(ecr)[name] for name in ("1.4.2", "1.4", "1", "latest")} == {winner}
    assert any(each in said[codes.index(1)][1] for each in ("BYOC-E583", "BYOC-E512"))


@pytest.mark.parametrize("late", ["before", "after"])
def test_whoever_comes_second_puts_no_tag(ecr: Ecr, small: Small, byoc: Command, late: str) -> None:
    """Somebody else's image gets the version just before ours would, or just after."""
    byoc("publish", small.image("two"), cwd=small.write(version="1.0.0").folder, env=ecr.environ())
    theirs = tags(ecr)["1.0.0"]
    small.write(version="1.4.2")

    def steal() -> None:
        api = ecr.client("ecr")
        found = api.batch_get_image(repositoryName="sagemaker/churn", imageIds=[{"imageTag": "1.0.0"}])[
            "images"
        ][0]
        api.put_image(
            repositoryName="sagemaker/churn",
            imageManifest=found["imageManifest"],
            imageManifestMediaType=found["imageManifestMediaType"],
            imageTag="1.4.2",
        )

    at = {
        "before": "HEAD /v2/sagemaker/churn/manifests/1.4.2",
        "after": "PUT /v2/sagemaker/churn/manifests/latest",
    }
    ecr.faults.when(f"registry {at[late]}", steal)
    done = byoc("publish", small.image("one"), cwd=small.folder, env=ecr.environ(), check=False)
    assert done.returncode == 1, done.stderr
    assert "BYOC-E583" in done.stderr
    assert {tags(ecr)[name] for name in ("1.4.2", *(["1.4", "1", "latest"] if late == "after" else []))} == {
        theirs
    }
