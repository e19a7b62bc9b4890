"""The interpreters of an image, found in its files: what ``python3`` means, and where it looks for packages.

Follows CPython's own start (Modules/getpath.py, Lib/site.py) and what Debian and Fedora change in it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final, Literal

from byoc_kit.inventory import OsPackage, Python, Scheme
from byoc_kit.inventory.system import conda_records, search_path
from byoc_kit.inventory.view import View, absolute
from byoc_kit.oci.config import ImageConfig

__all__ = ["find_pythons"]

PROGRAM: Final = re.compile(r"python(?:3(?:\.\d+t?)?)?")
VERSIONED: Final = re.compile(r"python(3)\.(\d+)(t?)")
FULL: Final = re.compile(r"(?:\d+:)?(3)\.(\d+)\.(\d+)")
ASKED: Final = ("python3", "python")
DEBIAN: Final = ("python{0}-minimal", "libpython{0}-minimal", "libpython{0}-stdlib")
PACKAGES: Final = (*DEBIAN, "python{0}", "python{0}-libs", "python3-libs", "python3")
"""Whose version tells that of /usr/bin/python3.X, in the words of dpkg, rpm and apk."""

SCRIPT: Final = "#!"

Kind = Literal["system", "venv", "conda", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """An installed CPython, as every environment made of it shares it."""

    prefix: str
    minor: int
    threaded: str
    """``t`` for the build without GIL."""
    platlib: str
    """``lib`` or ``lib64`` (``sys.platlibdir``)."""
    flavour: Literal["debian", "fedora", "plain"]

    @property
    def name(self) -> str:
        return f"python3.{self.minor}{self.threaded}"

    @property
    def stdlib(self) -> str:
        return f"{self.prefix}/{self.platlib}/{self.name}".replace("//", "/")


def find_pythons(view: View, config: ImageConfig, packages: Iterable[OsPackage]) -> tuple[Python, ...]:
    """Every interpreter, those on PATH first; one for each environment and version."""
    finder = _Finder(view, config, {each.name: each.version for each in packages if each.manager != "conda"})
    found: dict[tuple[str, int], Python] = {}
    for executable, asked in _candidates(view, config):
        python = finder.python(executable)
        if python is not None:
            first = asked and not any(each.default for each in found.values())
            key = view.real(python.prefix), python.version[1]
            found.setdefault(key, replace(python, default=first))
        elif asked and not found:
            finder.misled = True
    pythons = tuple(found.values())
    return tuple(replace(each, default=False) for each in pythons) if finder.misled else pythons


def _candidates(view: View, config: ImageConfig) -> Iterator[tuple[str, bool]]:
    """Paths of what may be an interpreter, and whether ``python3`` or ``python`` on PATH leads there."""
    for name in ASKED:
        for folder in search_path(config):
            path = f"{folder.rstrip('/')}/{name}"
            if view.is_program(path):
                yield path, True
    for folder in view.folders("bin"):
        names = [name for name in view.names(folder) if PROGRAM.fullmatch(name)]
        for name in sorted(names, key=lambda each: (each != "python3", each == "python", each)):
            yield f"/{folder}/{name}", False


@dataclass(slots=True)
class _Finder:
    view: View
    config: ImageConfig
    packages: Mapping[str, str]
    misled: bool = False
    """Whether what PATH leads to first is no interpreter that we understand (a shim)."""

    def python(self, executable: str) -> Python | None:
        """The environment of *executable*; None: no CPython 3 whose library is there."""
        if not self.view.is_program(executable) or self.view.text(executable) == SCRIPT:
            return None
        own = _venv(self.view, executable)
        base = self._base(executable, own.get("home") if own else None)
        if base is None:
            return None
        prefix = own["prefix"] if own else base.prefix
        sees: tuple[str, ...] = ()
        paths = [*self._python_path()]
        shared = not own or own.get("include-system-site-packages", "true").lower() == "true"
        if shared:
            paths += self._user_site(base)
        paths += _venv_sites(base, prefix) if own else _sites(base)
        with_pth = self._existing(paths)
        if own and shared:
            sees = tuple(path for path in self._existing(_seen(base)) if path not in with_pth)
        return Python(
            executable=executable,
            version=(3, base.minor, self._micro(base, own)),
            abi=f"cp3{base.minor}{base.threaded}",
            prefix=prefix,
            paths=(*with_pth, *sees),
            scheme=self._scheme(base, prefix if own else None),
            kind="venv" if own else self._kind(base),
            externally_managed=not own and self.view.is_file(f"{base.stdlib}/EXTERNALLY-MANAGED"),
            sees=sees,
        )

    def _base(self, executable: str, home: str | None) -> _Base | None:
        """Where the standard library is, searched as getpath does: upwards from the real program."""
        real = self.view.real(executable)
        folder, _, name = real.rpartition("/")
        match = VERSIONED.fullmatch(name)
        starts = [folder, *([self.view.real(home)] if home else [])]
        for start in starts:
            for prefix in _upwards(f"/{start}"):
                found = self._landmark(prefix, match)
                if found:
                    return found
        return None

    def _landmark(self, prefix: str, match: re.Match[str] | None) -> _Base | None:
        for platlib in ("lib", "lib64"):
            folder = f"{prefix}/{platlib}"
            names = [match[0]] if match else sorted(self.view.names(folder))
            fits = [
                name
                for name in names
                if VERSIONED.fullmatch(name)
                and any(self.view.is_file(f"{folder}/{name}/os.{end}") for end in ("py", "pyc"))
            ]
            if len(fits) == 1:  # of several, the name does not tell which
                version = VERSIONED.fullmatch(fits[0])
                assert version
                return self._known(prefix, int(version[2]), version[3], platlib)
        return None

    def _known(self, prefix: str, minor: int, threaded: str, platlib: str) -> _Base:
        flavour: Literal["debian", "fedora", "plain"] = "plain"
        if prefix == "/usr" and any(each.format(f"3.{minor}") in self.packages for each in DEBIAN):
            flavour = "debian"
        elif prefix == "/usr" and platlib == "lib64":
            flavour = "fedora"
        return _Base(prefix=prefix, minor=minor, threaded=threaded, platlib=platlib, flavour=flavour)

    def _kind(self, base: _Base) -> Kind:
        if self.view.is_dir(f"{base.prefix}/conda-meta"):
            return "conda"
        return "system" if base.prefix == "/usr" else "other"

    def _micro(self, base: _Base, own: Mapping[str, str] | None) -> int | None:
        """The third part of the version, from the first file that tells it."""
        told = [
            self.view.text(f"{base.prefix}/include/{base.name}/patchlevel.h"),
            *(
                each["version"]
                for each in conda_records(self.view)
                if each["name"] == "python" and self.view.real(each["prefix"]) == self.view.real(base.prefix)
            ),
        ]
        if base.prefix == "/usr":
            told += [self.packages.get(name.format(f"3.{base.minor}")) for name in PACKAGES]
        if own:
            told += [own.get("version_info"), own.get("version")]
        matches = (FULL.match(text) for text in told if text)
        return next((int(each[3]) for each in matches if each and int(each[2]) == base.minor), None)

    def _python_path(self) -> list[str]:
        return [path for path in self.config.env.get("PYTHONPATH", "").split(":") if path.startswith("/")]

    def _user_site(self, base: _Base) -> list[str]:
        env = self.config.env
        if env.get("PYTHONNOUSERSITE"):
            return []
        own = env.get("PYTHONUSERBASE") or f"{self._home()}/.local"
        return [f"{own}/lib/{base.name}/site-packages"]

    def _home(self) -> str:
        """HOME, else what /etc/passwd says of the image's user (a name or a number)."""
        user = self.config.user.partition(":")[0] or "root"
        rows = [line.split(":") for line in (self.view.text("etc/passwd") or "").splitlines()]
        homes = (row[5] for row in rows if len(row) > 5 and user in {row[0], row[2]})
        return self.config.env.get("HOME") or next(homes, "/root" if user in {"root", "0"} else "/")

    def _existing(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of *paths* that exist, each followed by what its ``.pth`` files add (site.addsitedir)."""
        seen: dict[str, None] = {}
        for path in paths:
            if path not in seen and self.view.is_dir(path):
                seen[path] = None
                seen |= dict.fromkeys(self._added(path))
        return tuple(seen)

    def _added(self, folder: str) -> Iterator[str]:
        for name in sorted(name for name in self.view.names(folder) if name.endswith(".pth")):
            for line in (self.view.text(f"{folder}/{name}") or "").splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    path = absolute(folder, line.rstrip())
                    if self.view.node(path) is not None:
                        yield path

    def _scheme(self, base: _Base, venv: str | None) -> Scheme:
        """Where pip would install: sysconfig's scheme, as the distribution has changed it."""
        prefix = venv or ("/usr/local" if base.flavour in {"debian", "fedora"} else base.prefix)
        packages = "dist-packages" if base.flavour == "debian" and not venv else "site-packages"
        platlib = "lib" if base.flavour == "debian" else base.platlib
        include = f"include/site/{base.name}" if venv else f"include/{base.name}"

        def place(below: str) -> PurePosixPath:
            return PurePosixPath("/", self.view.real(f"{prefix}/{below}"))

        return Scheme(
            purelib=place(f"lib/{base.name}/{packages}"),
            platlib=place(f"{platlib}/{base.name}/{packages}"),
            scripts=place("bin"),
            data=place(""),
            headers=place(include),
        )


def _sites(base: _Base) -> list[str]:
    """``site.getsitepackages()`` of an interpreter that is no venv."""
    if base.flavour == "debian":
        return [
            f"/usr/local/lib/{base.name}/dist-packages",
            "/usr/lib/python3/dist-packages",
            f"/usr/lib/{base.name}/dist-packages",
        ]
    prefixes = ["/usr/local", "/usr"] if base.flavour == "fedora" else [base.prefix.rstrip("/")]
    return [site for prefix in prefixes for site in _plain(base, prefix)]


def _seen(base: _Base) -> list[str]:
    """What a venv of *base* sees of it with ``include-system-site-packages``."""
    return (
        [f"/usr/lib/{base.name}/site-packages", *_sites(base)] if base.flavour == "debian" else _sites(base)
    )


def _venv_sites(base: _Base, prefix: str) -> list[str]:
    if base.flavour != "debian":
        return _plain(base, prefix)
    return [
        f"{prefix}/lib/{base.name}/site-packages",
        f"{prefix}/local/lib/{base.name}/dist-packages",
        f"{prefix}/lib/python3/dist-packages",
        f"{prefix}/lib/{base.name}/dist-packages",
    ]


def _plain(base: _Base, prefix: str) -> list[str]:
    return [f"{prefix}/{lib}/{base.name}/site-packages" for lib in dict.fromkeys((base.platlib, "lib"))]


def _upwards(folder: str) -> Iterator[str]:
    """*folder* and what is above it, without the root: nobody's prefix there ends a search well."""
    path = PurePosixPath(folder)
    yield from (str(each) for each in (path, *path.parents) if str(each) != "/")


def _venv(view: View, executable: str) -> dict[str, str] | None:
    """``pyvenv.cfg`` beside *executable* or one folder up (PEP 405), and the ``prefix``; None: no venv."""
    folder = executable.rpartition("/")[0]
    for prefix in (folder.rpartition("/")[0], folder):
        text = view.text(f"{prefix}/pyvenv.cfg")
        if text is not None:
            lines = (line.partition("=") for line in text.splitlines())
            return {key.strip().lower(): value.strip() for key, _, value in lines} | {"prefix": prefix}
    return None
