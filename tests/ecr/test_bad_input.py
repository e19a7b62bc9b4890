"""Forty kinds of bad input to the verbs of registries: each is told with what, why and fix.

All are typed at once, and looked at one by one.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from ecr.small import Small
from rig.ecr import Ecr, Request

pytestmark = pytest.mark.long

DIGEST = "sha256:" + "0" * 64
HOST = "111122223333.dkr.ecr.us-east-1.amazonaws.com"


@dataclass(frozen=True)
class Bad:
    """A command line, in a project with *more* in its [publish], and what it must end with."""

    name: str
    command: str
    error: str
    code: int = 2
    more: str = ""
    repository: str = "sagemaker/churn"
    environ: dict[str, str] = field(default_factory=dict)
    says: str = ""


BAD = [
    # what is published
    Bad("an image that the layout has not", "publish oci:nowhere", "BYOC-E522", 1),
    Bad("an archive that is not there", "publish archive:nowhere.tar", "BYOC-E526", 1),
    Bad("no name of an image", "publish 'Not An Image'", "BYOC-E501"),
    Bad("an image with a wrong digest", "publish oci:x@sha256:12", "BYOC-E501"),
    Bad("an image of a registry that has none", f"publish {HOST}/none:1", "BYOC-E503", 1),
    Bad("another byoc.toml that is not there", "publish -f other.toml", "BYOC-E102"),
    # where it goes
    Bad("a repository with a tag", "publish", "BYOC-E132", repository="sagemaker/churn:1"),
    Bad("a repository in capitals", "publish", "BYOC-E132", repository="SageMaker/Churn"),
    Bad("a repository with a scheme", "publish", "BYOC-E132", repository="https://a.example/churn"),
    Bad("a password in the repository", "publish", "BYOC-E132", repository="user:hunter2@a.example/churn"),
    Bad("a region that is none", "publish", "BYOC-E109", more='region = "Ireland"\n'),
    Bad("an account of eleven digits", "publish", "BYOC-E109", more='account = "11112222333"\n'),
    Bad("a profile that is nowhere", "publish", "BYOC-E825", 1, more='profile = "nobody"\n'),
    Bad("a role that is no ARN", "publish", "BYOC-E109", more='role-arn = "admin"\n'),
    Bad("a registry that nobody runs", "publish {image}", "BYOC-E505", 1, repository="127.0.0.1:1/churn"),
    Bad(
        "a host that merely looks like ECR",
        "publish {image}",
        "BYOC-E505",
        1,
        repository=f"{HOST}.example/churn",
    ),
    Bad(
        "no region anywhere",
        "publish {image}",
        "BYOC-E816",
        environ={"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
    ),
    Bad(
        "credentials of nobody",
        "publish {image}",
        "BYOC-E815",
        1,
        environ={"AWS_ACCESS_KEY_ID": "AKIANOBODY"},
    ),
    # how it is tagged
    Bad("a tag with a space", "publish", "BYOC-E580", more='tags = ["a b"]\n'),
    Bad("a tag of 129 letters", "publish", "BYOC-E580", more=f'tags = ["{"a" * 129}"]\n'),
    Bad("a template of nothing", "publish", "BYOC-E580", more='tags = ["{foo}"]\n'),
    Bad("a conflict that is settled by nothing", "publish", "BYOC-E108", more='on-conflict = "ask"\n'),
    Bad(
        "a repository that must not be made",
        "publish {image}",
        "BYOC-E822",
        1,
        more="[publish.ecr]\ncreate = false\n",
    ),
    Bad("immutable by another word", "publish", "BYOC-E108", more='[publish.ecr]\nmutability = "frozen"\n'),
    # promote
    Bad("promoting without a tag", "promote :1", "", says="Missing argument 'TAG...'"),
    Bad("promoting what is not there", "promote :9.9 stable", "BYOC-E503", 1),
    Bad("promoting a digest that is not there", f"promote @{DIGEST} stable", "BYOC-E503", 1),
    Bad("moving a release", "promote :latest 1.4.2", "BYOC-E584"),
    Bad("moving a content tag", "promote :latest c-0123456789abcdef", "BYOC-E584"),
    Bad("promoting to what is no tag", "promote :latest 'a tag'", "BYOC-E589"),
    Bad("promoting an image of the engine", "promote docker:churn stable", "BYOC-E586"),
    Bad("promoting a bare name", "promote churn:1 stable", "BYOC-E586"),
    # replicate
    Bad("replicating to nowhere", "replicate :1", "", says="Missing option '--to'"),
    Bad("replicating to a word", "replicate :1 --to nowhere", "BYOC-E587"),
    Bad("replicating to an account without a region", "replicate :1 --to 444455556666", "BYOC-E587"),
    Bad("replicating to itself", "replicate :1 --to us-east-1", "BYOC-E587"),
    Bad("replicating twice to one place", "replicate :1 --to eu-west-1 --to eu-west-1", "BYOC-E587"),
    Bad("replicating to a tag", "replicate :1 --to a.example/churn:1", "BYOC-E501"),
    Bad("replicating what is not there", "replicate :9.9 --to eu-west-1", "BYOC-E503", 1),
    # the record
    Bad("the record of nothing published", "record show", "BYOC-E516", 1),
    Bad("the record of a file that is none", "record show byoc.toml", "BYOC-E516", 1),
    Bad("the record of an image without one", f"record show {HOST}/sagemaker/churn:9", "BYOC-E516", 1),
    Bad("the record of an image of the engine", "record show docker:churn", "BYOC-E516", 1),
    Bad("snippets for what is no use", "record show --for dinner", "", says="Invalid value for '--for'"),
    # the catalogue and the repository
    Bad("a base that does not exist", "bases show no-such-image", "BYOC-E84"),
    Bad("a repository of a project that is not there", "repository plan -f other.toml", "BYOC-E102"),
]


Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Typed:
    """What came of all of them."""

    results: Mapping[str, Done]
    requests: Sequence[Request]


@pytest.fixture(scope="module")
def done(_ecr: Ecr, tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """All commands, typed once."""
    _ecr.reset()
    environ, root = _ecr.environ(), tmp_path_factory.mktemp("bad")
    image = Small(root / "good" / "project").write().image()

    def typed(place: int, bad: Bad) -> Done:
        small = Small(root / str(place) / "project").write(more=bad.more, repository=bad.repository)
        wanted = {**os.environ, **environ, "BYOC_CACHE_DIR": str(root / "cache"), **bad.environ}
        return subprocess.run(
            ["sh", "-c", f"{sys.executable} -m byoc_kit {bad.command.format(image=image)}"],
            cwd=small.folder,
            env={name: value for name, value in wanted.items() if value},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    with ThreadPoolExecutor(4) as pool:
        results = zip((bad.name for bad in BAD), pool.map(typed, range(len(BAD)), BAD), strict=True)
        return Typed(dict(results), tuple(_ecr.requests))


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_is_told_with_what_why_and_fix(done: Typed, bad: Bad) -> None:
    found = done.results[bad.name]
    assert found.returncode == bad.code, found.stderr
    assert bad.says in found.stderr
    if bad.error:
        assert f"error [{bad.error}" in found.stderr
        assert "\n  why: " in found.stderr
        assert "\n  fix: " in found.stderr
    assert not found.stdout
    assert "hunter2" not in found.stderr
    assert "Traceback" not in found.stderr


def test_none_of_it_changes_anything(done: Typed) -> None:
    assert done.requests, "some were asked of the registry"
    assert not [each for each in done.requests if each.method in {"PUT", "PATCH"} and each.status == 201]
    assert not [each for each in done.requests if each.path in {"ecr:CreateRepository", "ecr:PutImage"}]


def test_there_are_forty_kinds() -> None:
    assert len({bad.name for bad in BAD}) >= 40
