"""Turn requirements into the wheels that a base lacks. Runs in the wheel stage, with the base's Python.

``wheels.py FOLDER [--may-change NAME]... [--protect NAME]...`` reads FOLDER/requirements.txt and the projects
in FOLDER/packages/, and writes FOLDER/wheels/*.whl: exactly what must be installed, nothing that is there.
FOLDER/install.txt names them: installed by name, `pip freeze` tells versions and not files of this build.
What the base has keeps its version, unless a requirement names it; what FOLDER/protected.json lists (shell
patterns, and names that are protected in their major version) keeps it even then, unless it may change.

``wheels.py FOLDER --lend-pip`` fetches a pip to FOLDER/lent/ and FOLDER/pip.whl. This program and the stage
that installs use a FOLDER/pip.whl that is there; it also stands in for a pip that is too old.
"""

import argparse
import email
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path
from typing import Any

SECRETS = Path("/run/secrets")
ENVIRONMENT = {
    "pip_conf": ["PIP_CONFIG_FILE"],
    "ca_bundle": ["PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
}
"""Secret to the variables that point to its file, where it was given."""

REPORTS = (22, 2)
"""The first pip with ``install --dry-run --report``."""


def main() -> int:
    """Write the wheels; the exit code is that of the pip call that failed, else 0."""
    arguments = parse()
    folder, pip = arguments.folder, [sys.executable, "-m", "pip"]
    wheels = folder / "wheels"
    wheels.mkdir(exist_ok=True)
    prepare(os.environ)
    try:
        if arguments.lend_pip:
            lend(pip, folder)
            return 0
        borrow(pip, folder)
        for project in sorted((folder / "packages").glob("*")):
            run([*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(project)])
        own = sorted(map(str, wheels.glob("*.whl")))
        constraints = folder / "constraints.txt"
        constraints.write_text(
            "\n".join(kept(folder, arguments.may_change, arguments.protect)), encoding="utf-8"
        )
        needed = resolve(pip, folder, own)
        if needed:
            run([*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), *needed])
        else:
            print("the base has all other packages already", flush=True)
        names = sorted(map(name_of, wheels.glob("*.whl")))
        (folder / "install.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def parse() -> argparse.Namespace:
    """The arguments of this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--may-change", action="append", default=[])
    parser.add_argument("--protect", action="append", default=[])
    parser.add_argument("--lend-pip", action="store_true")
    return parser.parse_args()


def prepare(environ: "os._Environ[str]") -> None:
    """Point pip to the secrets of this build, and let it work with a Python that a distribution manages."""
    for secret, names in ENVIRONMENT.items():
        if (SECRETS / secret).is_file():
            environ.update(dict.fromkeys(names, str(SECRETS / secret)))
    environ.update(
        PIP_BREAK_SYSTEM_PACKAGES="1",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
        PIP_PROGRESS_BAR="off",
        PIP_ROOT_USER_ACTION="ignore",
    )


def run(command: "list[str]") -> None:
    """Run pip; its output is the build's."""
    subprocess.run(command, check=True)


def pip_version(pip: "list[str]") -> "tuple[int, ...]":
    """Major and minor version of pip."""
    told = subprocess.run([*pip, "--version"], check=True, stdout=subprocess.PIPE, universal_newlines=True)
    return tuple(int(part) for part in re.findall(r"\d+", told.stdout)[:2])


def borrow(pip: "list[str]", folder: Path) -> None:
    """Let every later pip be that of *folder*/pip.whl, where it is there or the base's own is too old."""
    lent = folder / "pip.whl"
    if not lent.exists() and pip_version(pip) < REPORTS:
        lend(pip, folder)
    if lent.exists():
        os.environ["PYTHONPATH"] = str(lent)


def lend(pip: "list[str]", folder: Path) -> None:
    """Fetch a current pip to *folder*/pip.whl."""
    run([*pip, "download", "--no-deps", "--dest", str(folder / "lent"), "pip"])
    shutil.copy(next((folder / "lent").glob("pip-*.whl")), folder / "pip.whl")


def normal(name: str) -> str:
    """A distribution's name as PyPA compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(folder: Path) -> "set[str]":
    """The distributions that a requirement asks for directly."""
    lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    found = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line) for line in lines)
    return {normal(match.group()) for match in found if match}


def kept(folder: Path, may_change: "list[str]", protect: "list[str]") -> "list[str]":
    """Constraints that keep what the base has as it is."""
    patterns, major = protected(folder)
    patterns += map(normal, protect)
    allowed = set(map(normal, may_change))
    asked = {name for name in named(folder) if not any(fnmatchcase(name, each) for each in patterns)}
    has = {
        normal(found.metadata["Name"]): found.version
        for found in metadata.distributions()
        if found.metadata["Name"] and re.match(r"\d[\w.+!-]*$", found.version or "")
    }
    bounds = {name: has[name].split(".")[0] for name in (asked - allowed) & major & has.keys()}
    return [
        *(f"{name}=={version}" for name, version in sorted(has.items()) if name not in asked | allowed),
        *(f"{name}=={number}.*" for name, number in sorted(bounds.items())),
    ]


def protected(folder: Path) -> "tuple[list[str], set[str]]":
    """Patterns of names that keep their version, and names that keep their major version."""
    path = folder / "protected.json"
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return list(told.get("version", [])), set(told.get("major", []))


def resolve(pip: "list[str]", folder: Path, own: "list[str]") -> "list[str]":
    """Requirements, exact, for what is neither in the base nor among *own* wheels."""
    report = folder / "report.json"
    install = [*pip, "install", "--quiet", "--dry-run", "--report", str(report)]
    given = [
        "--requirement",
        str(folder / "requirements.txt"),
        "--constraint",
        str(folder / "constraints.txt"),
    ]
    run([*install, *given, *own])
    entries = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [line for line in map(exact, entries) if line]


def name_of(wheel: Path) -> str:
    """What *wheel* holds, as an exact requirement. A file name may spell a version differently."""
    with zipfile.ZipFile(wheel) as archive:
        inside = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        told = email.message_from_bytes(archive.read(inside))
    return f"{told['Name']}=={told['Version']}"


def exact(entry: "dict[str, Any]") -> str:
    """One entry of pip's report as a requirement; empty for a wheel that is there already."""
    name, version = entry["metadata"]["name"], entry["metadata"]["version"]
    if not entry["is_direct"]:
        return f"{name}=={version}"
    source = entry["download_info"]
    if source["url"].startswith("file:"):
        return ""
    vcs = source.get("vcs_info")
    return f"{name} @ {vcs['vcs']}+{source['url']}@{vcs['commit_id']}" if vcs else f"{name} @ {source['url']}"


if __name__ == "__main__":
    sys.exit(main())
