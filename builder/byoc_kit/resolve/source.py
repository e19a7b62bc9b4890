"""Wheels that are built here: of the project's folders, and of sdists without compiled parts."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.errors import ByocError
from byoc_kit.oci.digest import Digest
from byoc_kit.resolve.uv import Unsolved, Uv
from byoc_kit.resolve.wheels import WheelFacts, read_wheel
from byoc_kit.store import Store

__all__ = ["NEEDS_DOCKER", "Builder", "BuiltWheel"]

NEEDS_DOCKER = "BYOC-E906"
"""Id of the error that says: no wheel for this platform can be had without building inside the base."""

LEFT_OUT = {".git", ".hg", ".venv", "venv", ".byoc", "__pycache__", "build", "dist", ".tox", ".mypy_cache"}
BY_HISTORY = re.compile(r"setuptools[-_]scm|hatch-vcs|versioningit|dunamai|versioneer|pbr\b")
"""Build requirements that take the version from version control: files alone do not decide what comes."""
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWheel:
    """A wheel that was made here and is in the store."""

    path: Path
    filename: str
    sha256: str
    size: int
    facts: WheelFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Builds with uv and keeps what it built."""

    uv: Uv
    store: Store

    def of_folder(self, folder: PurePosixPath | Path) -> BuiltWheel:
        """The wheel of a folder of the project. Raises ByocError (BYOC-E911, BYOC-E906)."""
        place = self.uv.root / folder
        key = None if _by_history(place) else _fingerprint(place)
        built = self._kept(key) or self._make(place, key, str(folder))
        if not built.facts.pure:
            raise _compiled(f"the package {folder}", built.filename)
        return built

    def of_sdist(self, sdist: Path, filename: str, sha256: str) -> BuiltWheel:
        """The wheel of a published sdist, a file named anything. Raises ByocError (BYOC-E906)."""
        key = f"sdist {sha256}"
        built = self._kept(key)
        if built is None:
            with tempfile.TemporaryDirectory(prefix="byoc-") as place:
                named = Path(place, filename)
                shutil.copyfile(sdist, named)
                try:
                    built = self._make(named, key, filename)
                except ByocError as error:
                    if error.id != "BYOC-E911":
                        raise
                    raise _unbuilt(filename, error) from error
        if not built.facts.pure:
            raise _compiled(filename, built.filename)
        return built

    def _make(self, source: Path, key: str | None, name: str) -> BuiltWheel:
        with tempfile.TemporaryDirectory(prefix="byoc-") as place:
            out = Path(place, "out")
            if source.is_dir() and key is not None:
                source = _copy(source, Path(place, source.name or "project"))
            out.mkdir()
            try:
                wheel = self.uv.build(source, out)
                facts = read_wheel(wheel)
            except (Unsolved, ValueError) as error:
                raise _failed(name, str(error)) from error
            digest, path = self.store.put_blob("wheels", _chunks(wheel))
            told = {"digest": digest, "filename": wheel.name}
        if key is not None:
            self.store.write("built", key, told)
        return _built(path, wheel.name, digest, facts)

    def _kept(self, key: str | None) -> BuiltWheel | None:
        told = self.store.read("built", key) if key else None
        try:
            if told is None or (path := self.store.blob("wheels", Digest(told["digest"]))) is None:
                return None
            return _built(path, told["filename"], told["digest"], read_wheel(path, told["filename"]))
        except (ValueError, KeyError, TypeError):
            return None


def _built(path: Path, filename: str, digest: str, facts: WheelFacts) -> BuiltWheel:
    return BuiltWheel(
        path=path,
        filename=filename,
        sha256=digest.removeprefix("sha256:"),
        size=path.stat().st_size,
        facts=facts,
    )


def _files(folder: Path) -> Iterator[Path]:
    """What a build may read, sorted; what builds and version control leave is no part of it."""
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT or path.name.endswith((".egg-info", ".pyc")):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _fingerprint(folder: Path) -> str:
    """A name for the content of *folder*: paths, executable bits and bytes."""
    found = [
        (
            str(path.relative_to(folder)),
            bool(path.stat().st_mode & 0o111),
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in _files(folder)
    ]
    return "folder " + hashlib.sha256(json.dumps(found).encode()).hexdigest()


def _by_history(folder: Path) -> bool:
    texts = (folder / name for name in ("pyproject.toml", "setup.cfg", "setup.py"))
    return any(BY_HISTORY.search(path.read_text(errors="replace")) for path in texts if path.is_file())


def _copy(folder: Path, place: Path) -> Path:
    """A copy that a build may write into: the user's folder stays as it is."""
    for path in _files(folder):
        target = place / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return place


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _failed(name: str, output: str) -> ByocError:
    lines = [line for line in output.splitlines() if line.strip()]
    return ByocError(
        f"no wheel can be built of {name}",
        why="its build did not succeed; its last lines are above",
        fix=f"see to it that `uv build --wheel {name}` succeeds on this machine",
        id="BYOC-E911",
        details=lines[-12:],
    )


def _unbuilt(filename: str, cause: ByocError) -> ByocError:
    return ByocError(
        f"{filename} is published as source only, and cannot be built on this machine",
        why="building it needs tools that this machine lacks, or its build is broken",
        fix="build with the docker engine (`--engine docker`), which builds inside the base, or publish a "
        "wheel of it to an index of your own",
        id=NEEDS_DOCKER,
        details=cause.details,
    )


def _compiled(what: str, wheel: str) -> ByocError:
    return ByocError(
        f"{what} has compiled parts",
        why=f"its wheel, {wheel}, was made for this machine and not for the base",
        fix="build with the docker engine (`--engine docker`), which compiles inside the base, or publish a "
        "wheel of it for the base's platform to an index of your own",
        id=NEEDS_DOCKER,
    )
