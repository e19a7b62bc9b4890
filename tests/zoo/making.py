"""Makes all images of the zoo in one ``docker load``: a config and one layer each, over a ground."""

import hashlib
import importlib
import io
import json
import pkgutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import docker
import pytest

import zoo
from zoo.form import Animal, Put

__all__ = ["all_animals", "load", "reference", "wanted"]

REPOSITORY = "byoc-zoo"
CREATED = "1980-01-02T00:00:00Z"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def all_animals() -> tuple[Animal, ...]:
    """Every image of every module of this package that has ``IMAGES``."""
    modules = pkgutil.walk_packages(zoo.__path__, "zoo.")
    names = [each.name for each in modules if not each.name.rpartition(".")[2].startswith("test_")]
    loaded = (importlib.import_module(name) for name in names)
    return tuple(animal for module in loaded for animal in getattr(module, "IMAGES", ()))


def wanted(session: pytest.Session) -> list[Animal]:
    """The images that the tests of *session* are about."""
    calls = (getattr(item, "callspec", None) for item in session.items)
    found = (call.params.get("animal") for call in calls if call is not None)
    return [animal for animal in found if isinstance(animal, Animal)]


def reference(animal: Animal, session: str) -> str:
    """The name that *animal* has in the engine for as long as *session* uses it."""
    return f"{REPOSITORY}:{animal.name}-{session}"


def load(
    client: docker.DockerClient, animals: Sequence[Animal], grounds: Mapping[str, str], session: str
) -> None:
    """Make *animals*; *grounds*: name of a ground to the engine's image."""
    api: Any = client.api
    below = {name: api.inspect_image(image)["RootFS"]["Layers"] for name, image in grounds.items()}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entries = [_packed(tar, animal, below[animal.ground], session) for animal in animals]
        _add(tar, "manifest.json", json.dumps(entries).encode())
    for event in api.load_image(archive.getvalue()):
        assert "error" not in event, event


def _packed(tar: tarfile.TarFile, animal: Animal, below: Sequence[str], session: str) -> dict[str, object]:
    """The entry of *animal* in the manifest; its layer and config are put into *tar*.

    The layers of the ground are named without their bytes: the engine has them.
    """
    layer = layer_of(animal.files)
    own = hashlib.sha256(layer).hexdigest()
    config = json.dumps(_config(animal, [*below, f"sha256:{own}"]), sort_keys=True).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    _add(tar, f"{own}/layer.tar", layer)
    _add(tar, name, config)
    layers = [f"{diff_id.partition(':')[2]}/layer.tar" for diff_id in below]
    return {
        "Config": name,
        "RepoTags": [reference(animal, session)],
        "Layers": [*layers, f"{own}/layer.tar"],
    }


def _config(animal: Animal, diff_ids: Sequence[str]) -> dict[str, object]:
    own = animal.settings
    system, _, architecture = own.platform.partition("/")
    return {
        "os": system,
        "architecture": architecture,
        "created": CREATED,
        "config": {
            "Env": [f"{key}={value}" for key, value in {"PATH": PATH, **own.env}.items()],
            "Entrypoint": own.entrypoint and list(own.entrypoint),
            "Cmd": own.cmd and list(own.cmd),
            "Labels": dict(own.labels),
            "User": own.user,
            "WorkingDir": own.workdir,
            "Volumes": {path: {} for path in own.volumes} or None,
            "ExposedPorts": {port: {} for port in own.ports} or None,
            **({"StopSignal": own.stop_signal} if own.stop_signal else {}),
            **({"Healthcheck": {"Test": ["CMD", "true"]}} if own.healthcheck else {}),
        },
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [{"created": CREATED, "created_by": animal.name} for _ in diff_ids],
    }


def layer_of(files: Mapping[str, str | Put]) -> bytes:
    """A tar of *files*, which belong to root, and of the folders above them."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        made: set[str] = set()
        for path, what in sorted(files.items()):
            for folder in _above(path):
                if folder not in made and f"/{folder}" not in files:
                    tar.addfile(_info(folder, Put(folder=True, mode=0o755)))
                made.add(folder)
            put = _put(what)
            data = put.text.encode()
            info = _info(_gone(path) if put.gone else path.lstrip("/"), put)
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data))
    return plain.getvalue()


def _gone(path: str) -> str:
    """The name by which a layer says that *path* of those below it is gone (OCI image-spec, whiteouts)."""
    folder, _, name = path.lstrip("/").rpartition("/")
    return f"{folder}/.wh.{name}"


def _put(what: str | Put) -> Put:
    if isinstance(what, Put):
        return what
    return Put(text=what, mode=0o755 if what.startswith("#!") else 0o644)


def _above(path: str) -> Iterator[str]:
    parts = path.strip("/").split("/")
    merged = len(parts) > 1 and parts[0] in {"bin", "lib", "lib64", "sbin"}
    assert not merged, f"{path} goes through a link of the ground: write /usr{path}"
    return ("/".join(parts[:end]) for end in range(1, len(parts)))


def _info(path: str, put: Put) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode, info.mtime = put.mode, 315_619_200
    if put.folder:
        info.type, info.mode = tarfile.DIRTYPE, put.mode | 0o111
    if put.link:
        info.type, info.linkname = tarfile.SYMTYPE, put.link
    return info


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
