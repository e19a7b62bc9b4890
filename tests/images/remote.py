"""Pushing small images by hand, so that these tests need a registry and nothing else."""

import gzip
import io
import json
import tarfile
import urllib.parse
import urllib.request
from typing import Any

from byoc_kit.oci.digest import measure
from byoc_kit.oci.manifest import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST

__all__ = ["image_document", "layer", "push_image", "put_blob", "put_manifest"]


def layer() -> bytes:
    """A layer with one file."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        info = tarfile.TarInfo("opt/hello")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"hello"))
    return gzip.compress(plain.getvalue(), mtime=0)


def put_blob(base: str, content: bytes) -> dict[str, Any]:
    """Upload *content* to ``http://host/v2/repository``; its digest and size."""
    digest, size = measure([content])
    start = urllib.request.Request(f"{base}/blobs/uploads/", method="POST", data=b"")
    with urllib.request.urlopen(start) as answer:
        location = answer.headers["Location"]
    mark = "&" if "?" in location else "?"
    done = urllib.request.Request(
        urllib.parse.urljoin(base, f"{location}{mark}digest={digest}"),
        method="PUT",
        data=content,
        headers={"Content-Type": "application/octet-stream"},
    )
    with urllib.request.urlopen(done) as answer:
        assert answer.status == 201
    return {"digest": digest, "size": size}


def put_manifest(base: str, tag: str, document: dict[str, Any]) -> str:
    """Upload a manifest or index under *tag*; its digest."""
    raw = json.dumps(document).encode()
    request = urllib.request.Request(
        f"{base}/manifests/{tag}", method="PUT", data=raw, headers={"Content-Type": document["mediaType"]}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
    return measure([raw])[0]


def image_document(
    base: str, types: tuple[str, str, str] = (DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER)
) -> dict[str, Any]:
    """Upload config and layer of a small image; its manifest."""
    config = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "config": {"Entrypoint": ["/opt/hello"], "Env": ["PATH=/opt"]},
            "rootfs": {"type": "layers", "diff_ids": [measure([gzip.decompress(layer())])[0]]},
        }
    ).encode()
    kind, config_kind, layer_kind = types
    return {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {"mediaType": config_kind, **put_blob(base, config)},
        "layers": [{"mediaType": layer_kind, **put_blob(base, layer())}],
    }


def push_image(base: str, tag: str) -> str:
    """A whole image under *tag*; the digest of its manifest."""
    return put_manifest(base, tag, image_document(base))
