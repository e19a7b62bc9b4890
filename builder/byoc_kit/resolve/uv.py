"""One call of uv: which versions and which wheels answer a question."""

import os
import re
import ssl
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byoc_kit.errors import ByocError
from byoc_kit.plan.target import Target
from byoc_kit.resolve.indexes import Indexes, ca_bundle

__all__ = ["Query", "Unsolved", "Uv", "offline"]

SECONDS = 600.0  # for one resolution or one build
OUT = "pylock.out.toml"


class Unsolved(Exception):  # noqa: N818 - it is an answer, not a mistake
    """uv says that nothing answers the question; its text has no secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What uv is asked."""

    requirements: Sequence[str]
    constraints: Sequence[str] = ()
    preferences: Sequence[tuple[str, str]] = ()
    """Name and version to take where there is a choice."""
    leave_out: Iterable[str] = ()
    """Names that are not part of the answer."""
    links: Sequence[Path] = ()
    """Folders with wheels that count besides the indexes."""
    upgrade: Sequence[str] = ()
    """Names whose preference does not count."""
    wheels_only: bool = True
    with_needs: bool = True
    """Whether what is needed by others is part of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uv:
    """uv with the settings of one resolution."""

    target: Target
    indexes: Indexes
    environ: Mapping[str, str] = field(repr=False)
    root: Path
    """The project, whose uv.toml counts."""

    def lock(self, query: Query) -> list[dict[str, Any]]:
        """The ``packages`` of PEP 751 that answer *query*. Raises Unsolved, ByocError."""
        with tempfile.TemporaryDirectory(prefix="byoc-") as place:
            folder = Path(place)
            arguments = self._compile(query, folder)
            if query.preferences:
                (folder / OUT).write_text(_preferences(query.preferences), encoding="utf-8")
            self._run([*arguments, "--format", "pylock.toml", "--output-file", str(folder / OUT)])
            found = tomllib.loads((folder / OUT).read_text(encoding="utf-8"))
        return list(found.get("packages", []))

    def reasons(self, query: Query) -> dict[str, tuple[str, ...]]:
        """Name to who asked for it: distributions; a requirement of the user's own is left out.

        For a query that :meth:`lock` has answered: what that took is in uv's cache, no index is asked again.
        """
        with tempfile.TemporaryDirectory(prefix="byoc-") as place:
            arguments = [*self._compile(query, Path(place)), "--annotation-style", "line"]
            try:
                told = self._run(arguments, {"UV_OFFLINE": "1"})
            except Unsolved:  # the cache is switched off
                told = self._run(arguments)
        found = {}
        for line in told.splitlines():
            head, mark, via = line.partition("# via")
            name = re.match(r"[A-Za-z0-9._-]+", head)
            if name and mark:
                names = [part.strip() for part in via.split(",")]
                found[name[0]] = tuple(part for part in names if part and not part.startswith("-"))
        return found

    def build(self, source: Path, out: Path) -> Path:
        """The wheel that is built of *source*, a folder or an sdist, in *out*. Raises Unsolved."""
        before = set(out.glob("*.whl"))
        dated = {"SOURCE_DATE_EPOCH": self.environ.get("SOURCE_DATE_EPOCH", "315619200")}  # 1980-01-02
        words = [
            "build",
            "--wheel",
            "--python",
            sys.executable,
            "--out-dir",
            str(out),
            str(source),
        ]
        self._run(words, dated)
        (wheel,) = set(out.glob("*.whl")) - before
        return wheel

    def _compile(self, query: Query, folder: Path) -> list[str]:
        (folder / "requirements.txt").write_text(_lines(query.requirements), encoding="utf-8")
        (folder / "constraints.txt").write_text(_lines(query.constraints), encoding="utf-8")
        return [
            *("pip", "compile", str(folder / "requirements.txt"), "--quiet", "--no-header"),
            *("--constraints", str(folder / "constraints.txt"), "--python", sys.executable),
            *("--python-version", self.target.python, "--python-platform", self.target.uv_platform),
            *(("--only-binary", ":all:") if query.wheels_only else ()),
            *(() if query.with_needs else ("--no-deps",)),
            *(word for place in query.links for word in ("--find-links", str(place))),
            *(word for name in query.leave_out for word in ("--no-emit-package", name)),
            *(word for name in query.upgrade for word in ("--upgrade-package", name)),
        ]

    def _run(self, arguments: Sequence[str], more: Mapping[str, str] | None = None) -> str:
        bundle = ca_bundle(self.environ)
        variables = {
            **_trust(),
            **self.environ,
            **self.indexes.variables(),
            **({"SSL_CERT_FILE": bundle} if bundle else {}),
            **({"UV_OFFLINE": "1"} if offline(self.environ) else {}),
            **(more or {}),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_WRAP": "1",
            "NO_COLOR": "1",
        }
        try:
            done = subprocess.run(
                [_program(), *arguments],
                cwd=self.root,
                env=variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _unusable(str(error)) from error
        if done.returncode != 0:
            raise Unsolved(self.indexes.credentials.hide(done.stderr.strip()))
        return done.stdout


def offline(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether nothing may be fetched: BYOC_OFFLINE."""
    return environ.get("BYOC_OFFLINE", "") not in {"", "0"}


def _trust() -> dict[str, str]:
    """uv trusts whom this system trusts, as pip does; on one without certificates those that uv brings."""
    known = ssl.get_default_verify_paths()
    if known.cafile is None and known.capath is None:
        return {}
    return {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}  # the second before uv 0.13


def _program() -> str:
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError) as error:
        raise _unusable(str(error)) from error


def _unusable(why: str) -> ByocError:
    return ByocError(
        "uv cannot be used",
        why=why.split("\n", 1)[0] or "its program is missing",
        fix="install byoc-kit again: uv comes with it",
        id="BYOC-E914",
    )


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def _preferences(pairs: Iterable[tuple[str, str]]) -> str:
    """A lock that uv takes versions from where it has the choice; its files are never looked at."""
    packages = "".join(
        f'\n[[packages]]\nname = "{name}"\nversion = "{version}"\n' for name, version in dict(pairs).items()
    )
    return f'lock-version = "1.0"\ncreated-by = "byoc"\n{packages}'
