"""Artifacts beside an image, with the registry's own API and without it."""

import contextlib
from collections.abc import Iterator

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.images.referrers import Artifact, artifacts, put_artifact
from byoc_kit.images.session import Session
from byoc_kit.oci.manifest import OCI_INDEX, Descriptor
from byoc_kit.oci.reference import Repository
from images.test_transfer import ann
from rig.faults import answer
from rig.images import made_image
from rig.lying import lying

KIND = "application/vnd.byoc.test.v1+json"
IMAGE = made_image({"a": b"1"})
SUBJECT = Descriptor(IMAGE.manifest.media_type, IMAGE.manifest.digest, len(IMAGE.manifest.raw))


@pytest.fixture(params=["api", "tag", "real"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    with contextlib.ExitStack() as stack:
        if request.param == "real":
            host = request.getfixturevalue("registry")
        else:
            made = stack.enter_context(lying())
            made.like_ecr = request.param == "tag"
            host = made.host
        yield stack.enter_context(contextlib.closing(opened(host)))


def opened(host: str) -> Session:
    return Session(Repository(host, "t/referrers"), keychain=ann, environ={})


def artifact(content: bytes, **annotations: str) -> Artifact:
    return Artifact(kind=KIND, content=content, annotations=annotations)


def test_what_was_put_is_found_by_the_image_alone(session: Session) -> None:
    assert list(artifacts(session, SUBJECT.digest, KIND)) == []
    digest = put_artifact(session, SUBJECT, artifact(b"one", tool="1"))
    assert put_artifact(session, SUBJECT, artifact(b"one", tool="1")) == digest
    put_artifact(session, SUBJECT, Artifact(kind="application/other", content=b"other"))
    put_artifact(session, SUBJECT, artifact(b"two", tool="2"))
    found = list(artifacts(session, SUBJECT.digest, KIND))
    assert sorted(each.content for each in found) == [b"one", b"two"]
    assert {each.annotations["tool"]: each.content for each in found} == {"1": b"one", "2": b"two"}


def test_a_damaged_artifact_is_left_out() -> None:
    with lying() as made, contextlib.closing(opened(made.host)) as session:
        put_artifact(session, SUBJECT, artifact(b"one"))
        put_artifact(session, SUBJECT, artifact(b"two"))
        for key, content in list(made.blobs.items()):
            if content == b"one":
                made.blobs[key] = b"ONE"
        assert [each.content for each in artifacts(session, SUBJECT.digest, KIND)] == [b"two"]
        made.blobs.clear()
        assert list(artifacts(session, SUBJECT.digest, KIND)) == []


def test_trouble_is_told_and_not_taken_for_nothing() -> None:
    with lying() as made, contextlib.closing(opened(made.host)) as session:
        made.on("GET", "/referrers/", answer(403))
        with pytest.raises(ByocError):
            list(artifacts(session, SUBJECT.digest, KIND))


@pytest.mark.parametrize("body", [b"{}", b'{"manifests": 1}', b'{"manifests": [1, {"artifactType": "%s"}]}'])
def test_an_index_that_is_none_holds_nothing(body: bytes) -> None:
    with lying() as made, contextlib.closing(opened(made.host)) as session:
        index = body.replace(b"%s", KIND.encode())
        made.on("GET", "/referrers/", answer(200, {"Content-Type": OCI_INDEX}, index))
        assert list(artifacts(session, SUBJECT.digest, KIND)) == []
