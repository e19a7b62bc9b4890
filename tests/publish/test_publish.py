"""Publishing for real: a Docker engine pushes, a registry keeps, and both are asked afterwards."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from byoc_kit.errors import ByocError
from byoc_kit.images.keychain import docker_config
from byoc_kit.images.push import push
from byoc_kit.images.registry import RemoteRepository, read_image
from byoc_kit.images.session import Session
from byoc_kit.oci.manifest import (
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Manifest,
    parse_manifest,
)
from byoc_kit.oci.reference import Repository
from byoc_kit.talk import Silence
from rig.images import tar_of
from rig.projects import Command, Project, edit

pytestmark = pytest.mark.engine

NOBODY = {"DOCKER_CONFIG": "/nowhere"}


def remote(registry: str, path: str) -> RemoteRepository:
    return RemoteRepository(Session(Repository(registry, path), keychain=docker_config(NOBODY), environ={}))


def digests(registry: str, path: str) -> dict[str, str]:
    """Tag to digest, as the registry has them; without the one that lists what is beside an image."""
    opened = remote(registry, path)
    found = {tag: opened.manifest(tag) for tag in opened.tags() if not tag.startswith("sha256-")}
    return {tag: manifest.digest for tag, manifest in found.items() if manifest}


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@a.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")


@pytest.fixture(scope="module")
def small(engine: docker.DockerClient) -> Iterator[Callable[..., str]]:
    """Makes an image of a few bytes whose config has these changes: ``docker:<id>``."""
    made: list[str] = []

    def make(*changes: str) -> str:
        said = engine.api.import_image_from_data(CONTENT, changes=list(changes) or None)
        made.append(json.loads(said.strip().splitlines()[-1])["status"])
        return f"docker:{made[-1]}"

    yield make
    for image in made:
        with contextlib.suppress(NotFound):
            engine.images.remove(image, force=True)


@pytest.fixture
def plain(tmp_path: Path, registry: str) -> Callable[..., Path]:
    """A project with just a byoc.toml, to publish images of another's making."""

    def make(path: str, version: str = "1.4.2", **publish: str) -> Path:
        folder = tmp_path / "churn"
        (folder / "src").mkdir(parents=True, exist_ok=True)
        for name in ("train.py", "inference.py"):
            (folder / "src" / name).write_text("")
        lines = [
            *("[image]", 'name = "churn"', f'version = "{version}"', 'style = "basic"', 'base = "a:b"'),
            *("[train]", 'program = "train.py"', 'source = "src"'),
            *("[serve]", 'program = "inference.py"', 'source = "src"'),
            *("[publish]", f'repository = "{registry}/{path}"'),
            *(f'{key.replace("_", "-")} = "{value}"' for key, value in publish.items()),
            *("[verify]", "dynamic = false"),
        ]
        (folder / "byoc.toml").write_text("\n".join(lines))
        return folder

    return make


ENTRYPOINT = 'ENTRYPOINT ["/entry"]'
CONTENT = tar_of({"entry": b"\x7fELF\x02\x01\x01" + bytes(57)})


# --- a project, from nothing ----------------------------------------------------------------------------


Published = tuple[Path, dict[str, Any], str]


@pytest.fixture(scope="module")
def basic(
    project: Project, registry: str, byoc: Command, tmp_path_factory: pytest.TempPathFactory
) -> Published:
    """A scaffolded project that was published once: its folder, the plan before, and what was printed."""
    folder = tmp_path_factory.mktemp("publish") / "churn"
    shutil.copytree(project("basic"), folder, symlinks=True)
    publish = {"repository": f"{registry}/p/basic"}
    tables: dict[str, Mapping[str, object]] = {
        "image": {"version": "1.4.2"},
        "publish": publish,
        "verify": {"dynamic": False},
    }
    edit(folder / "byoc.toml", tables)
    byoc("build", cwd=folder)
    commit(folder)
    plan = json.loads(byoc("publish", "--dry-run", "--json", cwd=folder).stdout)
    assert remote(registry, "p/basic").tags() == frozenset()
    return folder, plan, byoc("publish", cwd=folder).stdout.strip()


def test_the_deed_is_what_the_dry_run_said(basic: Published, registry: str) -> None:
    folder, plan, _ = basic
    assert (plan["build"], plan["push"]) == (False, True)
    names = [plan["content_tag"], *(tag["name"] for tag in plan["tags"])]
    assert names[1:5] == ["1.4.2", "1.4", "1", "latest"]
    record = json.loads((folder / ".byoc" / "record.json").read_text())
    assert record["tags"] == names
    assert digests(registry, "p/basic") == dict.fromkeys(names, record["image"]["digest"])


def test_what_is_printed_is_the_image_in_the_registry(
    basic: Published, registry: str, engine: docker.DockerClient, byoc: Command
) -> None:
    _, plan, printed = basic
    found = read_image(remote(registry, "p/basic"), "1.4.2")
    assert printed == str(found.reference)
    assert found.manifest.media_type == DOCKER_MANIFEST
    assert found.manifest.config.digest == plan["image_id"]
    assert engine.images.get(plan["image_id"]).attrs["Config"]["Entrypoint"] == list(
        found.config.entrypoint or ()
    )
    report = json.loads(byoc("verify", printed, "--json", "--depth", "static").stdout)
    assert {clause["id"]: clause["status"] for clause in report["clauses"]}["IMG-11"] == "pass"


def test_the_record_says_what_it_is_for(basic: Published, byoc: Command) -> None:
    folder, plan, printed = basic
    record = json.loads((folder / ".byoc" / "record.json").read_text())
    assert record["schema"] == "byoc/record/1"
    assert record["targets"] == {
        "training": {"valid": True, "why": "keeps the static clauses"},
        "hosting": {"valid": True, "why": "keeps the static clauses"},
    }
    assert record["source"] == {"commit": plan["source"]["commit"], "dirty": False}
    assert record["content_key"] == plan["content_key"]
    assert record["verify"]["result"] == "pass"
    assert byoc("record", "show", cwd=folder).stdout.startswith(f"# {printed}\n")
    assert byoc("record", "show", printed, "--json", cwd=folder).stdout.strip().endswith("}")


def test_publishing_again_sends_nothing_and_writes_the_same_record(
    basic: Published,
    byoc: Command,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder, _, printed = basic
    kept = next(tmp_path_factory.getbasetemp().glob("registry*/data")).rglob("p/basic/**/*")
    before = {path: path.lstat().st_mtime_ns for path in kept}
    record = (folder / ".byoc" / "record.json").read_bytes()
    assert byoc("publish", cwd=folder).stdout.strip() == printed
    assert (folder / ".byoc" / "record.json").read_bytes() == record
    assert before
    assert before == {path: path.lstat().st_mtime_ns for path in before}


def test_what_the_registry_has_is_not_built_again(basic: Published, byoc: Command) -> None:
    """As on another machine with the same checkout: nothing was built there."""
    folder, plan, printed = basic
    (folder / ".byoc" / "last-build.json").unlink()
    again = json.loads(byoc("publish", "--dry-run", "--json", cwd=folder).stdout)
    assert (again["build"], again["push"], again["image_id"]) == (False, False, plan["image_id"])
    assert byoc("publish", cwd=folder).stdout.strip() == printed
    assert not (folder / ".byoc" / "last-build.json").exists()


def test_changed_content_is_to_be_built_and_its_version_is_taken(
    basic: Published, byoc: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "churn"
    shutil.copytree(basic[0], folder, symlinks=True)
    with (folder / "src" / "train.py").open("a") as file:
        file.write("\n# changed\n")
    dirty = json.loads(byoc("publish", "--dry-run", "--json", cwd=folder).stdout)
    assert (dirty["build"], dirty["push"], dirty["source"]["dirty"]) == (True, True, True)
    assert any(tag["name"].endswith("-dirty") for tag in dirty["tags"])
    assert dirty["withheld"][0]["name"] == "1.4.2"
    git(folder, "commit", "-qam", "two")
    assert (
        json.loads(byoc("publish", "--dry-run", "--json", cwd=folder).stdout)["conflicts"][0]["tag"]
        == "1.4.2"
    )
    done = byoc("publish", cwd=folder, check=False)
    assert done.returncode == 1
    assert "BYOC-E512" in done.stderr
    assert not done.stdout


# --- small images of another's making --------------------------------------------------------------


def test_releases_in_any_order(
    small: Callable[..., str], plain: Callable[..., Path], registry: str, byoc: Command
) -> None:
    images = {version: small(ENTRYPOINT, f"ENV V={version}") for version in ("1.4.2", "1.3.9", "2.0.0")}
    for version, image in images.items():
        byoc("publish", image, cwd=plain("p/ladder", version))
    found = digests(registry, "p/ladder")
    named = {tag: version for version in images for tag in found if found[tag] == found[version]}
    assert {tag: version for tag, version in named.items() if not tag.startswith("c-")} == {
        "1.4.2": "1.4.2",
        "1.4": "1.4.2",
        "1": "1.4.2",
        "1.3.9": "1.3.9",
        "1.3": "1.3.9",
        "2.0.0": "2.0.0",
        "2.0": "2.0.0",
        "2": "2.0.0",
        "latest": "2.0.0",
    }


def test_a_taken_version_moves_only_when_told(
    small: Callable[..., str], plain: Callable[..., Path], registry: str, byoc: Command
) -> None:
    one, two = small(ENTRYPOINT, "ENV V=one"), small(ENTRYPOINT, "ENV V=two")
    byoc("publish", one, cwd=plain("p/taken"))
    before = digests(registry, "p/taken")
    done = byoc("publish", two, cwd=plain("p/taken"), check=False)
    assert done.returncode == 1
    assert "BYOC-E512" in done.stderr
    assert digests(registry, "p/taken") == before
    byoc("publish", two, cwd=plain("p/taken", on_conflict="keep"))
    kept = digests(registry, "p/taken")
    assert kept["1.4.2"] == before["1.4.2"] != kept["latest"]
    byoc("publish", two, cwd=plain("p/taken", on_conflict="move"))
    assert digests(registry, "p/taken")["1.4.2"] == kept["latest"]


def test_an_image_that_breaks_the_contract_leaves_no_trace(
    small: Callable[..., str], plain: Callable[..., Path], registry: str, byoc: Command
) -> None:
    folder = plain("p/broken")
    done = byoc("publish", small(ENTRYPOINT, "USER nobody"), cwd=folder, check=False)
    assert done.returncode == 3
    assert "BYOC-E601" in done.stderr
    assert "IMG-05: The image runs as root; seen: USER is 'nobody'" in done.stderr
    assert not done.stdout
    assert remote(registry, "p/broken").tags() == frozenset()
    assert not (folder / ".byoc" / "record.json").exists()


def test_a_clause_may_be_broken_when_somebody_says_so(
    small: Callable[..., str], plain: Callable[..., Path], byoc: Command
) -> None:
    folder, image = plain("p/allowed"), small(ENTRYPOINT, "USER nobody")
    wrong = byoc("publish", image, "--allow-broken", "IMG-5", cwd=folder, check=False)
    assert (wrong.returncode, "BYOC-E610" in wrong.stderr) == (2, True)
    refused = byoc("publish", image, "--allow-broken", "IMG-02", cwd=folder, check=False)
    assert (refused.returncode, "--allow-broken IMG-05" in refused.stderr) == (3, True)
    record = json.loads(byoc("publish", image, "--allow-broken", "IMG-05", "--json", cwd=folder).stdout)
    assert (record["verify"]["result"], record["verify"]["counts"]["waived"]) == ("pass", 1)


def test_nobody_looks_where_nobody_shall(
    small: Callable[..., str], plain: Callable[..., Path], byoc: Command
) -> None:
    folder = plain("p/unseen")
    image = small(ENTRYPOINT, "USER nobody")
    record = json.loads(byoc("publish", image, "--verify", "none", "--json", cwd=folder).stdout)
    assert (record["verify"]["depth"], record["verify"]["result"]) == ("none", "none")
    assert record["targets"]["training"] == {"valid": True, "why": "was not verified"}


def test_an_image_that_does_not_behave_is_refused_where_it_can_be_run(
    small: Callable[..., str], plain: Callable[..., Path], byoc: Command, registry: str
) -> None:
    folder = plain("p/behaves")
    done = byoc("publish", small(ENTRYPOINT), "--verify", "quick", cwd=folder, check=False)
    assert done.returncode == 3, done.stderr
    assert "breaks SageMaker's contract" in done.stderr
    assert digests(registry, "p/behaves") == {}


def test_an_oci_manifest_in_the_registry_becomes_dockers(
    small: Callable[..., str], plain: Callable[..., Path], registry: str, byoc: Command
) -> None:
    image, folder, opened = small(ENTRYPOINT, "ENV V=oci"), plain("p/oci"), remote(registry, "p/oci")
    byoc("publish", image, cwd=folder)
    tag = f"c-{image.removeprefix('docker:sha256:')[:16]}"
    docker_manifest = opened.manifest(tag)
    assert isinstance(docker_manifest, Manifest)
    document = json.loads(docker_manifest.raw) | {"mediaType": OCI_MANIFEST}
    document["config"]["mediaType"] = OCI_CONFIG
    for layer in document["layers"]:
        layer["mediaType"] = OCI_LAYER
    oci = parse_manifest(json.dumps(document).encode())
    assert isinstance(oci, Manifest)
    opened.put_manifest(tag, oci)
    done = byoc("publish", image, cwd=plain("p/oci", on_conflict="move"))
    assert "becomes Docker v2 schema 2" in done.stderr
    found = {name: read_image(opened, name).manifest for name in digests(registry, "p/oci")}
    assert {manifest.media_type for manifest in found.values()} == {DOCKER_MANIFEST}
    assert {manifest.config.digest for manifest in found.values()} == {docker_manifest.config.digest}


def test_the_engine_keeps_the_image_and_its_own_names(
    small: Callable[..., str], plain: Callable[..., Path], engine: docker.DockerClient, byoc: Command
) -> None:
    named, unnamed = (small(ENTRYPOINT, f"ENV V={word}").removeprefix("docker:") for word in ("a", "b"))
    engine.images.get(named).tag("byoc-test-publish-names", "1")
    byoc("publish", "byoc-test-publish-names:1", cwd=plain("p/names", "1"))
    assert engine.images.get(named).tags == ["byoc-test-publish-names:1"]
    byoc("publish", f"docker:{unnamed}", cwd=plain("p/names", "2"))
    assert engine.images.get(unnamed), "an image without a name must not go with the name of the push"


def test_a_registry_that_is_gone_is_named(
    small: Callable[..., str], plain: Callable[..., Path], byoc: Command
) -> None:
    folder = plain("p/gone")
    edit(folder / "byoc.toml", {"publish": {"repository": "127.0.0.1:1/p/gone"}})
    done = byoc("publish", small(ENTRYPOINT), cwd=folder, check=False)
    assert done.returncode == 1
    assert "[BYOC-E505]: 127.0.0.1:1 cannot be reached" in done.stderr
    assert "Connection refused" in done.stderr
    assert not (folder / ".byoc" / "record.json").exists()


def test_a_push_that_the_engine_cannot_do_is_told_in_its_words(
    small: Callable[..., str], engine: docker.DockerClient
) -> None:
    image = small(ENTRYPOINT, "ENV V=push").removeprefix("docker:")
    with pytest.raises(ByocError) as caught:
        push(engine, image, to=(Repository("127.0.0.1:1", "a"), "1"), credentials=None, talk=Silence())
    assert caught.value.id == "BYOC-E509"
    assert "connection refused" in caught.value.why
    assert caught.value.fix.startswith("check that 127.0.0.1:1 runs")
    assert engine.images.get(image)


@pytest.mark.parametrize(
    ("image", "code", "error"),
    [("docker:not-there", 1, "BYOC-E602"), ("oci:dir", 1, "BYOC-E522"), ("Not An Image", 2, "BYOC-E501")],
)
def test_what_cannot_be_published(
    plain: Callable[..., Path], byoc: Command, image: str, code: int, error: str
) -> None:
    done = byoc("publish", image, cwd=plain("p/none"), check=False)
    assert (done.returncode, error in done.stderr) == (code, True)


def test_a_name_without_a_registry_needs_a_region(plain: Callable[..., Path], byoc: Command) -> None:
    folder = plain("p/ecr")
    edit(folder / "byoc.toml", {"publish": {"repository": "sagemaker/churn"}})
    nowhere = {"AWS_CONFIG_FILE": "/nowhere", "AWS_REGION": "", "AWS_DEFAULT_REGION": ""}
    done = byoc("publish", cwd=folder, check=False, env=nowhere)
    assert done.returncode == 2
    assert "BYOC-E816" in done.stderr
    assert "[publish] region" in done.stderr
