"""What an image is below Python: its system, C library, packages, programs and CUDA."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from byoc_kit.inventory import Distribution, Libc, OsPackage
from byoc_kit.inventory.view import View
from byoc_kit.oci.config import ImageConfig

__all__ = [
    "MANAGERS",
    "apk_packages",
    "conda_packages",
    "cuda_versions",
    "dpkg_packages",
    "find_libc",
    "on_path",
    "os_release",
    "rpm_packages",
    "search_path",
]

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What the engine sets where an image does not."""
MANAGERS: Final = ("apt-get", "dnf", "microdnf", "apk")

RELEASE: Final = re.compile(r"""^(ID|VERSION_ID)=(["']?)([^"'\n]*)\2$""", re.MULTILINE)
FIELD: Final = re.compile(r"^(Package|Status|Version|Architecture|Installed-Size): (.*)$", re.MULTILINE)
RPM_PLACES: Final = ("var/lib/rpm", "usr/lib/sysimage/rpm")
RPM_OLD: Final = ("Packages", "Packages.db")
TRIPLETS: Final = ("", "/x86_64-linux-gnu", "/aarch64-linux-gnu")
GLIBC_NAME: Final = re.compile(r"libc-(\d+)\.(\d+)\.so")
CUDART: Final = re.compile(r"libcudart\.so\.(\d+)\.(\d+)(?:\.\d+)*")
CUDART_WHEEL: Final = re.compile(r"nvidia-cuda-runtime(-cu\d+)?")


def search_path(config: ImageConfig) -> tuple[str, ...]:
    """The folders of the image's PATH; relative ones, which depend on who runs what where, are left out."""
    return tuple(
        folder.rstrip("/") or "/"
        for folder in config.env.get("PATH", DEFAULT_PATH).split(":")
        if folder.startswith("/")
    )


def on_path(view: View, config: ImageConfig, name: str) -> str | None:
    """Where PATH finds the program *name*, as a shell would; None: nowhere."""
    candidates = (f"{folder.rstrip('/')}/{name}" for folder in search_path(config))
    return next((path for path in candidates if view.is_program(path)), None)


def os_release(view: View) -> Mapping[str, str]:
    """``ID`` and ``VERSION_ID`` (os-release(5)), as far as they are there."""
    text = view.text("etc/os-release") or view.text("usr/lib/os-release") or ""
    return {key: value for key, _, value in RELEASE.findall(text)}


def find_libc(view: View, packages: Iterable[OsPackage], os_id: str | None) -> Libc | None:
    """The C library that the system's programs use; None: no version of it could be told."""
    musl = _musl(view, packages)
    if musl and os_id == "alpine":  # which may carry a few files of glibc for programs from elsewhere
        return musl
    return _glibc(view) or musl


def _glibc(view: View) -> Libc | None:
    for folder in (
        f"{top}{triplet}" for top in ("lib", "lib64", "usr/lib", "usr/lib64") for triplet in TRIPLETS
    ):
        path = f"{folder}/libc.so.6"
        name = GLIBC_NAME.fullmatch(view.real(path).rpartition("/")[2])
        if name:
            return Libc(name="glibc", version=(int(name[1]), int(name[2])))
        text = view.text(path)
        if text:
            major, _, minor = text.partition(".")
            return Libc(name="glibc", version=(int(major), int(minor)))
    return None


def _musl(view: View, packages: Iterable[OsPackage]) -> Libc | None:
    if not any(name.startswith("ld-musl-") for name in view.names("lib")):
        return None
    versions = (re.match(r"(\d+)\.(\d+)", each.version) for each in packages if each.name == "musl")
    return next((Libc(name="musl", version=(int(m[1]), int(m[2]))) for m in versions if m), None)


def dpkg_packages(view: View) -> Iterator[OsPackage]:
    """What dpkg has installed, also in distroless images (``status.d``)."""
    folder = "var/lib/dpkg/status.d"
    names = sorted(name for name in view.names(folder) if not name.endswith(".md5sums"))
    for text in [view.text("var/lib/dpkg/status"), *(view.text(f"{folder}/{name}") for name in names)]:
        for paragraph in re.split(r"\n\n+", text or ""):
            fields = dict(FIELD.findall(paragraph))
            if "Package" in fields and fields.get("Status", "ok installed").endswith(" installed"):
                yield OsPackage(
                    name=fields["Package"],
                    version=fields.get("Version", ""),
                    manager="dpkg",
                    architecture=fields.get("Architecture"),
                    size=_number(fields.get("Installed-Size"), 1024),
                )


def apk_packages(view: View) -> Iterator[OsPackage]:
    """What apk has installed."""
    text = view.text("lib/apk/db/installed") or view.text("usr/lib/apk/db/installed") or ""
    for paragraph in text.split("\n\n"):
        fields = dict(line.split(":", 1) for line in paragraph.splitlines() if line[1:2] == ":")
        if "P" in fields:
            yield OsPackage(
                name=fields["P"],
                version=fields.get("V", ""),
                manager="apk",
                architecture=fields.get("A"),
                size=_number(fields.get("I")),
            )


def rpm_packages(view: View) -> tuple[OsPackage, ...] | None:
    """What rpm has installed; None: there is a database, and it is of a kind that is not read."""
    told: list[OsPackage] = []
    for place in dict.fromkeys(view.real(place) for place in RPM_PLACES):
        read = json.loads(view.text(f"{place}/rpmdb.sqlite") or "[]")
        old = any(view.is_file(f"{place}/{name}") for name in RPM_OLD)
        if read is None or (old and not read):
            return None
        told += [OsPackage(manager="rpm", **fields) for fields in read]
    return tuple(told)


def conda_packages(view: View) -> Iterator[OsPackage]:
    """What conda has installed, in all its environments."""
    for fields in conda_records(view):
        yield OsPackage(
            name=fields["name"],
            version=fields["version"],
            manager="conda",
            architecture=fields["subdir"] if isinstance(fields.get("subdir"), str) else None,
            size=fields.get("size"),
        )


def conda_records(view: View) -> Iterator[Mapping[str, Any]]:
    """The records of ``conda-meta`` folders, with their ``prefix``; damaged ones are left out."""
    for folder in view.folders("conda-meta"):
        for name in sorted(view.names(folder)):
            fields = json.loads(view.text(f"{folder}/{name}") or "{}") if name.endswith(".json") else {}
            if isinstance(fields.get("name"), str) and isinstance(fields.get("version"), str):
                yield {**fields, "prefix": f"/{folder}".removesuffix("/conda-meta") or "/"}


def _number(text: str | None, unit: int = 1) -> int | None:
    return int(text) * unit if text and re.fullmatch("[0-9]{1,15}", text) else None


def cuda_versions(view: View, distributions: Iterable[Distribution]) -> tuple[str, ...]:
    """Versions of the CUDA runtime: the system's if there is one, else those of wheels and conda."""
    system, other = set[str](), set[str]()
    for folder in view.holding("libcudart.so."):
        for name in view.names(folder):
            match = CUDART.fullmatch(name)
            if match:
                near = folder.startswith(("usr/local/cuda", "usr/lib"))
                (system if near else other).add(f"{match[1]}.{match[2]}")
    for each in distributions:
        if CUDART_WHEEL.fullmatch(each.name):
            other.add(".".join(each.version.split(".")[:2]))
    return tuple(sorted(system or other))
