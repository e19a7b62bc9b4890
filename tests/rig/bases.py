"""Base images without any container registry: debootstrap makes them, a tar in the cache keeps them."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from rig.machine import Missing, cache, debian_root, exclusive, install, program, say

__all__ = ["BOOKWORM", "TRIXIE", "Base", "import_base", "imported", "layout", "packed"]

REPOSITORY = "byoc-test-base"
NEEDS = {"debootstrap": "debootstrap"}
LABEL = "org.byoc-kit.rig.recipe"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv")
HOST_CA = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A Debian release as a base image; *instead* is the variable that names an image to use in its place."""

    suite: str
    python: str
    instead: str

    @property
    def reference(self) -> str:
        """The name it has in the engine."""
        return f"{REPOSITORY}:{self.suite}"

    def recipe(self) -> str:
        """What decides its bytes, as a digest: release, packages, this machine's CA certificates."""
        authorities = HOST_CA.read_bytes() if HOST_CA.exists() else b""
        text = " ".join(["1", self.suite, *PACKAGES, hashlib.sha256(authorities).hexdigest()])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


BOOKWORM = Base(suite="bookworm", python="3.11", instead="BYOC_TEST_BASE")
TRIXIE = Base(suite="trixie", python="3.13", instead="BYOC_TEST_BASE13")


def import_base(client: docker.DockerClient, base: Base) -> str:
    """The reference of *base* in the engine, made now unless it is there already (40 s, later 5 s)."""
    own = os.environ.get(base.instead)
    if own:
        return own
    if not imported(client, base):
        changes = [f"ENV PATH={PATH}", f"LABEL {LABEL}={base.recipe()}"]
        tar = str(packed(base))
        client.api.import_image(src=tar, repository=REPOSITORY, tag=base.suite, changes=changes)
    return base.reference


def packed(base: Base) -> Path:
    """The tar that *base* is imported from, made now unless it is in the cache."""
    tar = cache() / "bases" / f"{base.suite}-{base.recipe()}.tar"
    with exclusive(base.suite):
        if not tar.exists():
            _debootstrap(base, tar)
    return tar


def layout(base: Base, folder: Path) -> Path:
    """*base* as an OCI image layout in *folder*, for those who have no engine; made anew each time."""
    tar = packed(base)
    diff_id = _sha256(tar)
    blobs = folder / "blobs" / "sha256"
    shutil.rmtree(folder, ignore_errors=True)
    blobs.mkdir(parents=True)
    with tar.open("rb") as source, gzip.GzipFile(blobs / "layer", "wb", compresslevel=1, mtime=0) as packing:
        shutil.copyfileobj(source, packing, 1 << 20)
    layer = _blob(blobs / "layer", "application/vnd.oci.image.layer.v1.tar+gzip")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": [f"PATH={PATH}"], "Cmd": ["bash"], "Labels": {LABEL: base.recipe()}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created_by": f"debootstrap {base.suite}"}],
    }
    (blobs / "config").write_text(json.dumps(config))
    told = _blob(blobs / "config", "application/vnd.oci.image.config.v1+json")
    manifest = "application/vnd.oci.image.manifest.v1+json"
    document = {"schemaVersion": 2, "mediaType": manifest, "config": told, "layers": [layer]}
    (blobs / "manifest").write_text(json.dumps(document))
    index = {"schemaVersion": 2, "manifests": [_blob(blobs / "manifest", manifest)]}
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def _blob(path: Path, media_type: str) -> dict[str, object]:
    """The descriptor of the file *path*, which gets its digest as its name."""
    digest, size = _sha256(path), path.stat().st_size
    path.rename(path.with_name(digest))
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def imported(client: docker.DockerClient, base: Base) -> bool:
    """Whether the engine has *base*, made by the recipe of today."""
    try:
        labels = client.images.get(base.reference).labels
    except ImageNotFound:
        return False
    return bool(labels.get(LABEL) == base.recipe())


def _debootstrap(base: Base, tar: Path) -> None:
    """Write *base* to *tar*, all or nothing."""
    if not debian_root():
        raise Missing(
            f"the test base {base.suite} is made by debootstrap, which needs Debian and root: "
            f"name an image with Python {base.python}, pip and venv in {base.instead}"
        )
    install(NEEDS)
    say(f"making the test base {base.suite} with debootstrap (about 40 s, then cached in {tar.parent})")
    tar.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tar.parent) as scratch:
        root = Path(scratch) / "root"
        _run(
            program("debootstrap") or "debootstrap",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            base.suite,
            str(root),
            *_mirror(),
        )
        _slim(root)
        packed = Path(scratch) / "base.tar"
        _run("tar", "--sort=name", "--numeric-owner", *_clamp(root), f"-cf{packed}", f"-C{root}", ".")
        packed.replace(tar)


def _slim(root: Path) -> None:
    """Leave out what differs from run to run, and put this machine's CA certificates in.

    With the certificates pip works in containers behind a proxy that intercepts TLS, as it does here.
    """
    for folder in ("var/cache/apt", "var/lib/apt/lists", "var/log"):
        for path in (root / folder).iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (root / "etc/machine-id").write_text("")
    (root / "etc/hostname").write_text("base\n")
    (root / "etc/resolv.conf").write_text("")
    if HOST_CA.exists():
        shutil.copyfile(HOST_CA, root / HOST_CA.relative_to("/"))


def _clamp(root: Path) -> tuple[str, str]:
    """No file newer than the newest Python source: their .pyc files remember the dates of those."""
    newest = max(int(path.stat().st_mtime) for path in (root / "usr/lib").rglob("*.py") if path.is_file())
    return "--clamp-mtime", f"--mtime=@{newest}"


def _mirror() -> tuple[str, ...]:
    """The archive that this machine's apt uses; nothing (debootstrap's own) if apt cannot say."""
    query = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    done = subprocess.run([*query, "Component: main"], capture_output=True, text=True, check=False)
    plain = [line for line in done.stdout.splitlines() if line.startswith("http") and "security" not in line]
    return tuple(plain[:1])


def _run(*command: str) -> None:
    done = subprocess.run(
        command, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_environment()
    )
    if done.returncode != 0:
        raise Missing(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}")


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
