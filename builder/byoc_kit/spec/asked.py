"""Files of other tools that say what a project needs: pyproject.toml, pylock.toml, uv.lock."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from byoc_kit.errors import UsageError

__all__ = ["Asked", "asked_in", "is_known"]

PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml")  # PEP 751, "File Name"
GROUPS = re.compile(r"\b(extras|dependency_groups)\b")
"""Markers that only an installer of pylock files can evaluate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What such a file asks for."""

    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    """Versions to take for what the requirements need."""


def is_known(filename: str) -> bool:
    """Whether *filename* is that of a file which :func:`asked_in` understands."""
    return filename in {"pyproject.toml", "uv.lock"} or PYLOCK.fullmatch(filename) is not None


def asked_in(filename: str, text: str) -> Asked:
    """What the file named *filename* asks for. Raises UsageError (BYOC-E915)."""
    try:
        data = tomllib.loads(text)
        if filename == "pyproject.toml":
            return Asked(requirements=tuple(_checked(_of_project(data))))
        if filename == "uv.lock":
            return _of_uv_lock(data)
        return Asked(requirements=tuple(_checked(map(_of_pylock, _unconditional(data)))))
    except (tomllib.TOMLDecodeError, InvalidRequirement, KeyError, TypeError, AttributeError) as error:
        told = f"there is no {error}" if isinstance(error, KeyError) else str(error).split("\n", 1)[0]
        raise UsageError(
            f"{filename} cannot be read",
            why=told,
            fix="see that the tool that wrote it can read it, or name a requirements file",
            id="BYOC-E915",
        ) from error


def _checked(texts: Iterable[str]) -> Iterator[str]:
    return (str(Requirement(text)) for text in texts)


def _of_project(data: Mapping[str, Any]) -> Iterator[str]:
    yield from data["project"].get("dependencies", [])


def _unconditional(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The packages that do not hang on an extra or a group that somebody would have to choose."""
    return (each for each in data["packages"] if not GROUPS.search(each.get("marker", "")))


def _of_pylock(package: Mapping[str, Any]) -> str:
    marker = f" ; {package['marker']}" if "marker" in package else ""
    source = package.get("archive") or {}
    if "url" in source:
        return f"{package['name']} @ {source['url']}{marker}"
    version = f"=={package['version']}" if "version" in package else ""
    return f"{package['name']}{version}{marker}"


def _of_uv_lock(data: Mapping[str, Any]) -> Asked:
    """The requirements of the project itself, with every version that the lock has as a constraint."""
    packages = data["package"]
    own = [each for each in packages if {"virtual", "editable"} & each["source"].keys()]
    versions: dict[str, set[str]] = {}
    for each in packages:
        if "registry" in each["source"]:
            versions.setdefault(each["name"], set()).add(each["version"])
    requirements = [_of_need(need) for each in own for need in each.get("dependencies", [])]
    names = {each["name"] for each in own}
    return Asked(
        requirements=tuple(
            text for text in _checked(iter(requirements)) if Requirement(text).name not in names
        ),
        constraints=tuple(f"{name}=={one}" for name, (one, *rest) in sorted(versions.items()) if not rest),
    )


def _of_need(need: Mapping[str, Any]) -> str:
    extras = f"[{','.join(need['extra'])}]" if "extra" in need else ""
    marker = f" ; {need['marker']}" if "marker" in need else ""
    return f"{need['name']}{extras}{marker}"
