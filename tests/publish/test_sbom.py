"""The bill of materials: valid by CycloneDX's own schema, and the same for the same image."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion

from byoc_kit.inventory import Distribution, Inventory, OsPackage
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.plan.sbom import bill
from byoc_kit.spec.lock import Lock, LockedBase, LockedWheel

DIGEST = f"sha256:{'1' * 64}"
INVENTORY = Inventory(
    reference="a",
    image_id=None,
    digest=None,
    platform=Platform(),
    config=ImageConfig(),
    python=None,
    os_id="debian",
    os_version="12",
    distributions=(
        Distribution(
            name="torch",
            version="2.8.0+cu129",
            python="/usr/bin/python3",
            location="/usr/lib/python3/dist-packages",
            metadata="torch-2.8.0+cu129.dist-info",
        ),
        Distribution(
            name="attrs",
            version="25.1.0",
            python="/usr/bin/python3",
            location="/usr/lib/python3/dist-packages",
            metadata="attrs-25.1.0.dist-info",
        ),
        Distribution(
            name="attrs",
            version="25.1.0",
            python="/opt/venv/bin/python3",
            location="/opt/venv/lib/python3.12/site-packages",
            metadata="attrs-25.1.0.dist-info",
        ),
    ),
    os_packages=(
        OsPackage(name="libc6", version="2.36-9+deb12u10", manager="dpkg", architecture="amd64"),
        OsPackage(name="libstdc++6", version="12.2.0-14", manager="dpkg"),
        OsPackage(name="numpy", version="2.0", manager="conda"),
    ),
)
LOCK = Lock(
    base=LockedBase(
        reference="a",
        digest=None,
        image_id=None,
        platform=Platform(),
        python="3.12",
        executable="p",
        libc="g",
    ),
    requirements=(),
    wheels=(LockedWheel(name="attrs", version="25.1.0", filename="a.whl", sha256="ab" * 32),),
)


def made(inventory: Inventory = INVENTORY, lock: Lock | None = LOCK) -> bytes:
    return bill(inventory, lock, name="churn", digest=DIGEST, tool="byoc-kit 0.1.0")


@pytest.fixture(scope="module")
def wrong() -> Callable[[str], object]:
    """What CycloneDX's own schema has against a document; None: nothing."""
    from cyclonedx.validation.json import JsonStrictValidator  # its grammars take a second to load

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str


def test_it_is_valid_by_the_schema(wrong: Callable[[str], object]) -> None:
    assert wrong(made().decode()) is None
    broken = json.loads(made()) | {"components": [{"type": "nothing"}]}
    assert wrong(json.dumps(broken)) is not None


def test_every_package_is_named_by_its_url() -> None:
    components = json.loads(made())["components"]
    assert sorted(each["purl"] for each in components if "purl" in each) == [
        "pkg:conda/numpy@2.0",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64",
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14",
        "pkg:pypi/attrs@25.1.0",
        "pkg:pypi/attrs@25.1.0",
        "pkg:pypi/torch@2.8.0%2Bcu129",
    ]
    assert [each["name"] for each in components if each["type"] == "operating-system"] == ["debian"]


def test_what_the_lock_knows_of_a_wheel_is_told() -> None:
    hashed = {each["name"] for each in json.loads(made())["components"] if "hashes" in each}
    assert hashed == {"attrs"}
    other = replace(LOCK, wheels=(replace(LOCK.wheels[0], version="24.0"),))
    assert not [each for each in json.loads(made(lock=other))["components"] if "hashes" in each]


def test_the_same_image_has_the_same_bill() -> None:
    turned = replace(
        INVENTORY,
        distributions=tuple(reversed(INVENTORY.distributions or ())),
        os_packages=tuple(reversed(INVENTORY.os_packages or ())),
    )
    assert made(turned) == made()


def test_an_image_of_which_nothing_is_known_has_a_bill(wrong: Callable[[str], object]) -> None:
    plain = replace(INVENTORY, os_id=None, distributions=None, os_packages=None)
    assert wrong(made(plain, None).decode()) is None
    assert json.loads(made(plain, None))["metadata"]["component"]["version"] == DIGEST
