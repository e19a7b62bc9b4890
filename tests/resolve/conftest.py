"""A base made by hand, an index on loopback, and an environment without this machine's settings."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from byoc_kit.inventory import Distribution, Inventory, Libc, Python, Scheme
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.plan.wanted import Wanted
from byoc_kit.resolve.base import base_of
from byoc_kit.resolve.resolve import Here, Resolver
from byoc_kit.store import Store
from resolve.served import Index

SITE = "/usr/lib/python3/dist-packages"


def distribution(name: str, version: str, *requires: str, **more: object) -> Distribution:
    """One of a base, with a RECORD."""
    values: dict[str, object] = {
        "name": name,
        "version": version,
        "python": "/usr/bin/python3",
        "location": SITE,
        "metadata": f"{name}-{version}.dist-info",
        "requires": requires,
        "files": (),
        **more,
    }
    return Distribution(**values)  # type: ignore[arg-type]


def inventory(*distributions: Distribution, digest: str | None = "sha256:" + 64 * "1") -> Inventory:
    """A Debian 12 with Python 3.11.2 and pip, and *distributions*."""
    place = PurePosixPath(SITE)
    scheme = Scheme(purelib=place, platlib=place, scripts=place, data=place, headers=place)
    python = Python(
        executable="/usr/bin/python3",
        version=(3, 11, 2),
        abi="cp311",
        prefix="/usr",
        paths=(SITE,),
        scheme=scheme,
        kind="system",
        default=True,
    )
    return Inventory(
        reference="index.example/base:1",
        image_id=None,
        digest=digest,
        platform=Platform(),
        config=ImageConfig(),
        python=None,
        libc=Libc(name="glibc", version=(2, 36)),
        pythons=(python,),
        distributions=(distribution("pip", "24.0"), *distributions),
    )


def prebuilt() -> Inventory:
    """A base as AWS makes them, in small: torch with a local version that no index has."""
    labels = {"com.amazonaws.ml.engines.sagemaker.dlc.framework.pytorch.v2-8": "true"}
    found = inventory(
        distribution("torch", "2.8.0+cu129", "typing-extensions", "numpy<3"),
        distribution("typing_extensions", "4.9.0"),
        distribution("numpy", "1.26.4"),
        distribution("pandas", "2.1.0", "numpy<2"),
    )
    return replace(found, config=ImageConfig(labels=labels))


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """uv looks at the interpreter once; the indexes of two tests never have one address."""
    return tmp_path_factory.mktemp("uv")


@pytest.fixture
def environ(tmp_path: Path, uv_cache: Path) -> Mapping[str, str]:
    """No settings of this machine, and caches of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "UV_CACHE_DIR": str(uv_cache),
        "UV_NO_CONFIG": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_KEYRING_PROVIDER": "disabled",
    }


@pytest.fixture
def index() -> Iterator[Index]:
    with Index().served() as served:
        yield served


@pytest.fixture
def here(tmp_path: Path, environ: Mapping[str, str]) -> Here:
    root = tmp_path / "project"
    root.mkdir()
    return Here(root=root, store=Store(tmp_path / "store"), environ=environ)


def resolver(wanted: Wanted, have: Inventory, here: Here) -> Resolver:
    return Resolver.make(wanted, base_of(have), here)
