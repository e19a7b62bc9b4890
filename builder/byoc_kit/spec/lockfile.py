"""``pylock.byoc.toml``: the text of a lock, a valid lock file of PEP 751, and back.

What PEP 751 has a key for stands there; the base, what was asked for and what decided stand in
``[tool.byoc]``, and in ``tool.byoc`` of each package. The same lock gives the same bytes; no user info is
written.
"""

import tomllib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from byoc_kit.errors import UsageError
from byoc_kit.oci.config import Platform
from byoc_kit.spec.lock import Lock, LockedBase, LockedWheel

if TYPE_CHECKING:
    from tomlkit.items import InlineTable, Table

__all__ = ["lock_name", "read_lock", "without_user", "write_lock"]

FORMAT = 1
VERSIONS = ("1.0",)
HEAD = "Written by `byoc lock`. Keep it in version control; do not edit it."


def lock_name(spec_name: str) -> str:
    """Name of the lock beside the spec file *spec_name* (PEP 751: pylock.NAME.toml)."""
    stem = spec_name.removesuffix(".toml").replace(".", "-")
    return "pylock.byoc.toml" if stem == "byoc" else f"pylock.byoc-{stem.removeprefix('byoc-')}.toml"


def write_lock(lock: Lock) -> str:
    """The text of *lock*."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment(HEAD))
    document.add("lock-version", VERSIONS[0])
    document.add("created-by", "byoc")
    document.add("requires-python", f"=={lock.base.python}.*")
    packages = tomlkit.aot()
    for wheel in sorted(lock.wheels, key=lambda each: each.name):
        packages.append(_package(wheel))
    if lock.wheels:
        document.add("packages", packages)
    else:
        document.add("packages", tomlkit.array())
    document.add("tool", _tool(lock))
    return tomlkit.dumps(document)


def read_lock(text: str, *, name: str) -> Lock:
    """The lock that *text* holds, *name* being its file in messages. Raises UsageError (BYOC-E900)."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(name, f"it is not TOML: {error}") from error
    own = data.get("tool", {}).get("byoc", {})
    if data.get("lock-version") not in VERSIONS or own.get("format") != FORMAT:
        raise _unreadable(name, "it was written by another tool, or by another version of byoc")
    try:
        return Lock(
            base=_read_base(own["base"]),
            requirements=tuple(own["requirements"]),
            options=dict(own.get("options", {})),
            present=dict(own.get("present", {})),
            wheels=tuple(_read_package(each) for each in data["packages"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise _unreadable(name, f"{type(error).__name__}: {error}") from error


def without_user(url: str) -> str:
    """*url* without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _package(wheel: LockedWheel) -> "Table":
    """One ``[[packages]]``."""
    import tomlkit

    table = tomlkit.table()
    table.add("name", wheel.name)
    table.add("version", wheel.version)
    if wheel.built_from is None:
        table.add("wheels", tomlkit.array().multiline(multiline=False))
        table["wheels"].append(_file(wheel.filename, wheel.url, wheel.size, wheel.sha256))
    elif wheel.source_sha256 is not None:
        table.add("sdist", _file(str(wheel.built_from), wheel.url, wheel.size, wheel.source_sha256))
    else:
        table.add("directory", _inline({"path": str(wheel.built_from)}))
    own: dict[str, Any] = {}
    if wheel.built_from is not None:
        own |= {"filename": wheel.filename} | ({"sha256": wheel.sha256} if wheel.source_sha256 else {})
    own |= {"direct": True} if wheel.direct else {}
    own |= {"replaces": wheel.replaces} if wheel.replaces else {}
    own |= {"wanted-by": list(wheel.wanted_by)} if wheel.wanted_by else {}
    if own:
        table.add("tool", _inline({"byoc": own}))
    return table


def _file(filename: str, url: str | None, size: int | None, sha256: str) -> "InlineTable":
    """A file of PEP 751; where nobody knows a URL, its name is its path."""
    found: dict[str, Any] = {"name": filename}
    found |= {"url": without_user(url)} if url else {"path": filename}
    found |= {} if size is None else {"size": size}
    return _inline(found | {"hashes": {"sha256": sha256}})


def _tool(lock: Lock) -> "Table":
    import tomlkit

    base = {
        "reference": lock.base.reference,
        "digest": lock.base.digest,
        "image-id": lock.base.image_id,
        "platform": str(lock.base.platform),
        "python": lock.base.python,
        "executable": lock.base.executable,
        "libc": lock.base.libc,
    }
    byoc = tomlkit.table()
    byoc.add("format", FORMAT)
    byoc.add("requirements", _lines(lock.requirements))
    byoc.add("base", _table({key: value for key, value in base.items() if value is not None}))
    if lock.options:
        byoc.add("options", _table(dict(sorted(lock.options.items()))))
    if lock.present:
        byoc.add("present", _table(dict(sorted(lock.present.items()))))
    tool = tomlkit.table(is_super_table=True)
    tool.add("byoc", byoc)
    return tool


def _lines(values: tuple[str, ...]) -> Any:
    import tomlkit

    array = tomlkit.array()
    array.extend(values)
    return array.multiline(multiline=bool(values))


def _inline(values: Mapping[str, Any]) -> "InlineTable":
    import tomlkit

    table = tomlkit.inline_table()
    for key, value in values.items():
        table.append(key, _inline(value) if isinstance(value, Mapping) else value)
    return table


def _table(values: Mapping[str, Any]) -> "Table":
    import tomlkit

    table = tomlkit.table()
    for key, value in values.items():
        table.add(key, value)
    return table


def _read_base(data: Mapping[str, Any]) -> LockedBase:
    return LockedBase(
        reference=data["reference"],
        digest=data.get("digest"),
        image_id=data.get("image-id"),
        platform=Platform.parse(data["platform"]),
        python=data["python"],
        executable=data["executable"],
        libc=data["libc"],
    )


def _read_package(data: Mapping[str, Any]) -> LockedWheel:
    own = data.get("tool", {}).get("byoc", {})
    if "directory" in data:
        file, source = {}, PurePosixPath(data["directory"]["path"])
    elif "sdist" in data:
        file = data["sdist"]
        source = PurePosixPath(_filename(file))
    else:
        (file,) = data["wheels"]
        source = None
    sdist = "sdist" in data
    return LockedWheel(
        name=data["name"],
        version=data["version"],
        filename=_filename({"name": own["filename"]} if source else file),
        sha256=own.get("sha256", "") if source else file["hashes"]["sha256"],
        size=file.get("size"),
        url=file.get("url"),
        built_from=source,
        source_sha256=file["hashes"]["sha256"] if sdist else None,
        direct=own.get("direct", False),
        replaces=own.get("replaces"),
        wanted_by=tuple(own.get("wanted-by", ())),
    )


def _filename(file: Mapping[str, Any]) -> str:
    """Name of a file of PEP 751: told, or the last part of its URL or path. Never a path."""
    told = file.get("name") or unquote(urlsplit(file.get("url") or file["path"]).path.rsplit("/", 1)[-1])
    if "/" in told or "\\" in told or told in {"", ".", ".."}:
        raise ValueError(f"{told!r} is not the name of a file")
    return str(told)


def _unreadable(name: str, why: str) -> UsageError:
    return UsageError(
        f"{name} cannot be used as a lock",
        why=why,
        fix=f"restore it from version control, or make it anew: remove {name} and run `byoc lock`",
        id="BYOC-E900",
    )
