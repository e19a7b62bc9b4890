"""Manifests keep their bytes, and become Docker's without touching a layer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest, measure
from byoc_kit.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Descriptor,
    Index,
    Manifest,
    ManifestError,
    parse_manifest,
    to_docker,
    to_oci,
)


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def blob(media_type: str, letter: str, size: int = 10) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(letter), "size": size}


def document(
    kind: str = OCI_MANIFEST, config: str = OCI_CONFIG, layer: str = OCI_LAYER, **more: Any
) -> bytes:
    layers = [blob(layer, "b", 20), blob(layer, "c", 30)]
    return json.dumps(
        {"schemaVersion": 2, "mediaType": kind, "config": blob(config, "a"), "layers": layers, **more}
    ).encode()


def manifest(raw: bytes) -> Manifest:
    parsed = parse_manifest(raw)
    assert isinstance(parsed, Manifest)
    return parsed


@given(st.integers(min_value=0, max_value=8))
def test_bytes_stay_as_they_were(indent: int) -> None:
    raw = json.dumps(json.loads(document()), indent=indent).encode() + b"\n"
    parsed = manifest(raw)
    assert parsed.raw == raw
    assert parsed.digest == measure([raw])[0]


def test_what_a_manifest_says() -> None:
    parsed = manifest(document())
    assert parsed.media_type == OCI_MANIFEST
    assert parsed.config == Descriptor(OCI_CONFIG, Digest(digest("a")), 10)
    assert [layer.size for layer in parsed.layers] == [20, 30]
    assert parsed.size == 60


def test_becoming_dockers_keeps_config_and_layers() -> None:
    before = manifest(document(annotations={"a": "b"}))
    after = to_docker(before)
    assert after.media_type == DOCKER_MANIFEST
    assert (after.config.media_type, after.config.digest) == (DOCKER_CONFIG, before.config.digest)
    assert {layer.media_type for layer in after.layers} == {DOCKER_LAYER}
    assert [layer.digest for layer in after.layers] == [layer.digest for layer in before.layers]
    assert after.size == before.size
    assert "annotations" not in json.loads(after.raw)
    assert after.raw == to_docker(before).raw


def test_dockers_manifest_stays_as_it_is() -> None:
    before = manifest(document(DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER))
    assert to_docker(before) is before


def test_a_zstd_layer_cannot_become_dockers() -> None:
    with pytest.raises(ManifestError, match="zstd has no equal"):
        to_docker(manifest(document(layer="application/vnd.oci.image.layer.v1.tar+zstd")))


def test_an_index_is_told_from_a_manifest_and_chosen_from() -> None:
    entry = blob(OCI_MANIFEST, "d") | {"platform": {"os": "linux", "architecture": "arm64"}}
    attestation = blob(OCI_MANIFEST, "e") | {"platform": {"os": "unknown", "architecture": "unknown"}}
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry, attestation]}).encode()
    index = parse_manifest(raw)
    assert isinstance(index, Index)
    found = index.of(Platform("linux", "arm64"))
    assert found is not None
    assert found.digest == digest("d")
    assert index.of(Platform("linux", "amd64")) is None


def test_the_registrys_word_counts_where_the_document_says_nothing() -> None:
    raw = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    assert isinstance(parse_manifest(raw, f"{DOCKER_LIST}; charset=utf-8"), Index)


def test_document_and_registry_must_agree() -> None:
    with pytest.raises(ManifestError, match="calls itself"):
        parse_manifest(document(), DOCKER_MANIFEST)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>login</html>",
        b"[]",
        b'{"schemaVersion": 1, "name": "old"}',
        b'{"schemaVersion": 2}',
        b'{"schemaVersion": 2, "mediaType": ["a"]}',
        b'{"schemaVersion": 2, "mediaType": "application/vnd.cncf.helm.config.v1+json"}',
        document().replace(b'"layers"', b'"lasers"'),
        document().replace(b'"config"', b'"conflict"'),
        document().replace(digest("a").encode(), b"sha256:12"),
        document().replace(b'"size": 10', b'"size": -1'),
        document().replace(b'"size": 10', b'"size": "10"'),
    ],
)
def test_what_is_no_manifest_is_refused(raw: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["schemaVersion", "mediaType", "config", "layers", "digest", "size"]), inner
            )
        ),
    )
)
def test_any_json_is_a_manifest_or_refused(value: Any) -> None:
    raw = json.dumps(value).encode()
    try:
        assert parse_manifest(raw, OCI_MANIFEST).raw == raw
    except ManifestError as error:
        assert str(error)  # noqa: PT017


def test_an_image_has_two_forms_over_the_same_blobs() -> None:
    docker = manifest(document(DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER))
    oci = to_oci(docker)
    assert oci.media_type == OCI_MANIFEST
    assert oci.digest != docker.digest
    assert [blob.digest for blob in (oci.config, *oci.layers)] == [
        blob.digest for blob in (docker.config, *docker.layers)
    ]
    assert [blob.digest for blob in to_docker(oci).layers] == [blob.digest for blob in docker.layers]
    with pytest.raises(ManifestError, match="no equal in an OCI manifest"):
        to_oci(manifest(document(layer="application/vnd.oci.image.layer.v1.tar+zstd")))
