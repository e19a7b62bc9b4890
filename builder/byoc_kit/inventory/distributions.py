"""What Python packages an image has, as ``importlib.metadata`` inside it would list them."""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, overload
from urllib.parse import urlsplit, urlunsplit

from byoc_kit.inventory import Distribution, Python
from byoc_kit.inventory.files import Node
from byoc_kit.inventory.system import conda_records
from byoc_kit.inventory.view import View, absolute

__all__ = ["Files", "find_distributions", "normalised"]

INFO: Final = re.compile(
    r"(?P<name>[^~-][^-]*)-(?P<version>[^-]+)(?:-[^-]+)*\.(?:dist|egg)-info", re.IGNORECASE
)
LINK: Final = "utf-8", "surrogateescape"


class Files(Sequence[str]):
    """The files of one distribution: kept compressed; few are ever asked for, and some have thousands."""

    __slots__ = ("_folder", "_packed")

    def __init__(self, folder: str, packed: bytes) -> None:
        self._folder, self._packed = folder, packed

    @classmethod
    def of(cls, folder: str, record: bytes) -> "Files":
        """Those that *record* names, seen from *folder*: one path on a line."""
        return cls(folder, zlib.compress(record, 1))

    @property
    def folder(self) -> str:
        """What the paths in :attr:`packed` are relative to."""
        return self._folder

    @property
    def packed(self) -> bytes:
        """The paths, one on a line, compressed."""
        return self._packed

    def __iter__(self) -> Iterator[str]:
        text = zlib.decompress(self._packed).decode(*LINK)
        above = f"{self._folder}/"
        return (
            absolute(self._folder, path) if path[0] in "./" or "/." in path else above + path
            for path in text.split("\n")
            if path
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return tuple(self)[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash((self._folder, self._packed))


def find_distributions(view: View, pythons: Iterable[Python]) -> tuple[Distribution, ...]:
    """Of each interpreter what it imports; what several see, once, under the one it was installed for."""
    pythons = sorted(pythons, key=lambda each: not each.default)
    reader = _Reader(view=view, conda=_owned_by_conda(view), linked=_linked(view))
    own = {path for python in pythons for path in python.paths if path not in python.sees}
    found: list[Distribution] = []
    listed: set[str] = set()
    for python in pythons:
        names: set[str] = set()
        for path in python.paths:
            mine = path not in python.sees or path not in own
            for each in reader.folder(path, python.executable):
                place = view.real(f"{each.location}/{each.metadata}")
                if each.name not in names and mine and place not in listed:
                    found.append(each)
                    listed.add(place)
                names.add(each.name)
    return tuple(sorted(found, key=lambda each: (each.name, each.location)))


def normalised(name: str) -> str:
    """*name* as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    view: View
    conda: frozenset[str]
    """Physical paths of metadata that belong to conda's packages."""
    linked: frozenset[str]
    """Folders of editable installs of setuptools' old kind."""

    def folder(self, folder: str, python: str) -> Iterator[Distribution]:
        """What is installed in *folder*."""
        names = sorted(self.view.names(folder))
        if folder.endswith(".egg") and "EGG-INFO" in names:
            names = ["EGG-INFO"]
        for name in names:
            if name == "EGG-INFO" or INFO.fullmatch(name) or name.endswith(".egg-info"):
                found = self._read(folder, name, python)
                if found:
                    yield found

    def _read(self, folder: str, name: str, python: str) -> Distribution | None:
        """The distribution that the metadata *name* in *folder* describes; None: it describes none."""
        view, at = self.view, f"{folder}/{name}"
        path = next((each for each in (f"{at}/METADATA", f"{at}/PKG-INFO", at) if view.is_file(each)), None)
        if path is None or name.startswith("~"):
            return None
        headers = _headers(view.text(path) or "")
        told = _named(headers, name)
        if told is None:
            return None
        record = view.texts.get(view.real(f"{at}/RECORD"))
        files = Files.of(folder, record) if record is not None else None
        direct = _direct(view.text(f"{at}/direct_url.json"))
        by_conda = "conda" if view.real(path) in self.conda else None
        return Distribution(
            name=normalised(told[0]),
            version=told[1],
            python=python,
            location=folder,
            metadata=name,
            installer=(view.text(f"{at}/INSTALLER") or "").strip() or by_conda,
            direct_url=_without_user(direct.get("url")),
            editable=_is_editable(direct) or folder in self.linked,
            requires=tuple(headers.get("requires-dist", ())),
            requires_python=next(iter(headers.get("requires-python", ())), None),
            extras=tuple(headers.get("provides-extra", ())),
            files=files,
            size=None if files is None else _size(view, files),
        )


def _named(headers: Mapping[str, list[str]], folder: str) -> tuple[str, str] | None:
    """Name and version: of the metadata, else as far as the name of its *folder* tells them."""
    match = INFO.fullmatch(folder)
    name = headers.get("name", [match["name"] if match else ""])[0]
    version = headers.get("version", [match["version"] if match else ""])[0]
    return (name, version) if name and version else None


def _headers(text: str) -> Mapping[str, list[str]]:
    """Names in lower case to values; a line that starts with a space goes on with the value before."""
    headers: dict[str, list[str]] = {}
    values: list[str] = []
    for line in text.splitlines():
        if line[:1] in {" ", "\t"} and values:
            values[-1] += f" {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            values = headers.setdefault(name.lower(), [])
            values.append(value.strip())
    return headers


def _direct(text: str | None) -> Mapping[str, Any]:
    try:
        told = json.loads(text or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _without_user(url: object) -> str | None:
    """*url* without user and password: PEP 610 forbids them, and not everybody obeys."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _is_editable(direct: Mapping[str, Any]) -> bool:
    info = direct.get("dir_info")
    return bool(isinstance(info, dict) and info.get("editable"))


def _linked(view: View) -> frozenset[str]:
    """The folders that ``.egg-link`` files lead to (setuptools' old way of editable installs)."""
    links = (
        text.decode(*LINK).splitlines() for path, text in view.texts.items() if path.endswith(".egg-link")
    )
    return frozenset(lines[0].strip().rstrip("/") for lines in links if lines)


def _owned_by_conda(view: View) -> frozenset[str]:
    """Physical paths of metadata that conda's records list."""
    return frozenset(
        view.real(f"{record['prefix']}/{path}")
        for record in conda_records(view)
        for path in record.get("metadata") or ()
    )


def _size(view: View, files: Iterable[str]) -> int:
    """Bytes of those that are there; each folder is looked up once."""
    folders: dict[str, Mapping[str, Node]] = {}
    total = 0
    for path in files:
        folder, _, name = path.rpartition("/")
        names = folders.get(folder)
        if names is None:
            names = folders[folder] = view.names(folder)
        if name in names and names[name].kind != "dir":
            total += names[name].size
    return total
