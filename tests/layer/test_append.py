"""An image on top of another: what the base's config says stays, unless the plan says otherwise."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.oci.append import CREATED, append
from byoc_kit.oci.config import ImageConfig
from byoc_kit.oci.digest import Digest, measure
from byoc_kit.oci.image import Image
from byoc_kit.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    parse_manifest,
)
from byoc_kit.plan.types import ConfigStep

BASE_CONFIG: dict[str, Any] = {
    "architecture": "amd64",
    "os": "linux",
    "os.version": "a key that we do not know",
    "moby.buildkit.cache.v0": "old",
    "container": "abc",
    "container_config": {"Cmd": ["old"]},
    "config": {
        "Env": ["PATH=/usr/bin", "KEEP=1", "CHANGE=old", "EMPTY="],
        "Cmd": ["bash"],
        "Entrypoint": ["/entry"],
        "Labels": {"maintainer": "them", "org.opencontainers.image.base.name": "older"},
        "WorkingDir": "/base",
        "Shell": ["/bin/zsh"],
        "Healthcheck": {"Test": ["CMD", "true"]},
    },
    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"]},
    "history": [{"created_by": "one"}, {"created_by": "env", "empty_layer": True}, {"created_by": "two"}],
}


@dataclass(frozen=True)
class Fixed:
    """A layer of known bytes."""

    data: bytes
    media_type: str = DOCKER_LAYER
    created_by: str = "byoc numpy 2.4.6"

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.media_type, *measure([self.data]))

    @property
    def diff_id(self) -> Digest:
        return measure([b"tar", self.data])[0]

    def read(self, start: int = 0) -> Iterator[bytes]:
        yield self.data[start:]


def base(config: Mapping[str, Any] = BASE_CONFIG, *, oci: bool = False, layer: str | None = None) -> Image:
    raw = json.dumps(config).encode()
    layers = tuple(Fixed(data, layer or (OCI_LAYER if oci else DOCKER_LAYER)) for data in (b"1", b"2"))
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST if oci else DOCKER_MANIFEST,
        "config": Descriptor(OCI_CONFIG if oci else DOCKER_CONFIG, *measure([raw])).to_json(),
        "layers": [each.descriptor.to_json() for each in layers],
        "annotations": {"dropped": "yes"},
    }
    manifest = parse_manifest(json.dumps(document).encode())
    assert isinstance(manifest, Manifest)
    return Image(
        reference="example.com/base",
        manifest=manifest,
        raw_config=raw,
        config=ImageConfig.from_json(config),
        layers=layers,
    )


def step(**changes: Any) -> ConfigStep:
    values: dict[str, Any] = {
        "env": {},
        "labels": {},
        "entrypoint": None,
        "cmd": None,
        "workdir": None,
        "user": None,
    }
    return ConfigStep(**(values | changes))


def config(image: Image) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(image.raw_config)
    return found


NEW = (Fixed(b"3"), Fixed(b"4"))


def test_one_line_of_history_for_each_layer_and_one_without() -> None:
    """A line too many and the image cannot be pulled: "too many non-empty layers in History section"."""
    document = config(append(base(), NEW, step()))
    lines = [line for line in document["history"] if not line.get("empty_layer")]
    assert len(lines) == len(document["rootfs"]["diff_ids"]) == 4
    assert document["rootfs"]["diff_ids"][2:] == [each.diff_id for each in NEW]
    assert document["history"][-1]["empty_layer"] is True
    assert {line["created"] for line in document["history"][3:]} == {document["created"]} == {CREATED}


def test_a_base_without_history_gets_lines_for_the_new_layers_only() -> None:
    bare = {key: value for key, value in BASE_CONFIG.items() if key not in {"history", "config"}}
    document = config(append(base(bare), NEW, step(env={"A": "1"})))
    assert len([line for line in document["history"] if not line.get("empty_layer")]) == 2
    assert document["config"]["Env"] == ["A=1"]


def test_unknown_keys_stay_and_what_is_no_longer_true_goes() -> None:
    document = config(append(base(), NEW, step()))
    assert document["os.version"] == "a key that we do not know"
    assert document["config"]["Shell"] == ["/bin/zsh"]
    assert document["config"]["Healthcheck"] == {"Test": ["CMD", "true"]}
    assert not {"moby.buildkit.cache.v0", "container", "container_config"} & document.keys()


def test_without_edits_the_base_speaks() -> None:
    old, new = BASE_CONFIG["config"], config(append(base(), NEW, step()))["config"]
    assert new == old


def test_env_is_changed_in_its_place_and_never_twice() -> None:
    document = config(append(base(), NEW, step(env={"CHANGE": "new=1", "ADDED": ""})))
    assert document["config"]["Env"] == ["PATH=/usr/bin", "KEEP=1", "CHANGE=new=1", "EMPTY=", "ADDED="]


def test_labels_are_merged() -> None:
    labels = {
        "org.opencontainers.image.base.name": "base",
        "org.opencontainers.image.base.digest": "sha256:1",
    }
    assert (
        config(append(base(), NEW, step(labels=labels)))["config"]["Labels"]
        == {"maintainer": "them"} | labels
    )


def test_a_new_entrypoint_takes_the_bases_cmd_away() -> None:
    """As a Dockerfile does: the base's CMD would become arguments of somebody else's program."""
    new = config(append(base(), NEW, step(entrypoint=("python", "/x"))))["config"]
    assert (new["Entrypoint"], new["Cmd"]) == (["python", "/x"], None)
    both = config(append(base(), NEW, step(entrypoint=("python",), cmd=("serve",))))["config"]
    assert (both["Entrypoint"], both["Cmd"]) == (["python"], ["serve"])


def test_the_rest_of_the_config() -> None:
    new = config(append(base(), NEW, step(workdir="/w", user="1000", stop_signal="SIGTERM", cmd=("x",))))[
        "config"
    ]
    assert [new[key] for key in ("WorkingDir", "User", "StopSignal", "Cmd", "Entrypoint")] == [
        "/w",
        "1000",
        "SIGTERM",
        ["x"],
        ["/entry"],
    ]


@pytest.mark.parametrize("from_oci", [True, False])
@pytest.mark.parametrize("oci", [True, False])
def test_the_manifest_has_the_form_that_was_asked_for(oci: bool, from_oci: bool) -> None:
    old = base(oci=from_oci)
    image = append(old, NEW, step(), oci=oci)
    assert image.manifest.media_type == (OCI_MANIFEST if oci else DOCKER_MANIFEST)
    assert {each.media_type for each in image.manifest.layers} == {OCI_LAYER if oci else DOCKER_LAYER}
    blobs = [each.digest for each in (*old.manifest.layers, *(each.descriptor for each in NEW))]
    assert [each.digest for each in image.manifest.layers] == blobs
    assert image.manifest.config.digest == measure([image.raw_config])[0]
    assert image.manifest.config.size == len(image.raw_config)
    assert b"annotations" not in image.manifest.raw
    assert image.layers == (*old.layers, *NEW)
    assert image.reference == image.manifest.digest == measure([image.manifest.raw])[0]


def test_the_same_image_has_the_same_digest() -> None:
    shuffled = dict(reversed(BASE_CONFIG.items()))
    assert append(base(), NEW, step()).raw_config == append(base(shuffled), NEW, step()).raw_config


def test_a_zstd_layer_is_refused() -> None:
    zstd = "application/vnd.oci.image.layer.v1.tar+zstd"
    with pytest.raises(ByocError, match=r"example.com/base has a layer") as caught:
        append(base(oci=True, layer=zstd), NEW, step())
    assert caught.value.id == "BYOC-E328"
