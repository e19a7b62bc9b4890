"""From a word to the command that is started for it."""

from __future__ import annotations

import errno
import os
import sys

from settings import REBUILD, Places, Section, Settings
from supervise import Command
from trouble import EntryError

INITS = ("tini", "tini-static", "dumb-init", "docker-init", "catatonit")
TOOLKIT = b"sagemaker_training"  # what its console script imports
TOOLKIT_CODE = "from sagemaker_training.cli.train import main; main()"


def train(settings: Settings, places: Places, environ: dict[str, str], arguments: list[str]) -> Command:
    """The training program: directly for the style basic, else behind sagemaker-training's ``train``."""
    section = settings.train
    if section is None:
        raise _not_made_for("train", settings)
    env = _unbuffered(environ)
    if settings.style == "basic":
        return _baked(settings, section, env, arguments)
    if settings.style == "script-mode-1":
        _fill(places.code, section)
    if "SAGEMAKER_PROGRAM" not in env and not (section.code is None and _job_names_program(places)):
        env["SAGEMAKER_PROGRAM"] = section.program
    return _chained(settings, [*_toolkit(env), *arguments], env, toolkit=True)


def serve(settings: Settings, places: Places, environ: dict[str, str], arguments: list[str]) -> Command:
    """The server of ``[serve]``, told which program holds the user's functions."""
    section = settings.serve
    if section is None:
        raise _not_made_for("serve", settings)
    env = _unbuffered(environ)
    env["SAGEMAKER_PROGRAM"] = program = _serving_program(settings, section, environ)
    server = os.path.join(places.serving, "mms.py") if section.server == "mms" else places.serving
    code = ["--code", section.code] if section.code else []
    workers = ["--workers", str(section.workers)] if section.workers else []
    targets = ["--targets", ",".join(settings.targets)]
    argv = [sys.executable, server, "--program", program, *code, *workers, *targets, *arguments]
    return _chained(settings, argv, env)


def process(settings: Settings, environ: dict[str, str], arguments: list[str]) -> Command:
    """The baked program of a processing job."""
    if settings.process is None:
        raise EntryError(
            "this is a processing job, but the image has no processing program",
            why="its byoc.toml has no [process] table",
            fix="add [process] program = ..., or give the job an entrypoint (ContainerEntrypoint)",
        )
    return _baked(settings, settings.process, _unbuffered(environ), arguments)


def other(settings: Settings, environ: dict[str, str], words: list[str]) -> Command:
    """Any program of the image (LCL-23); raises EntryError with 127 or 126 if there is none of that name."""
    path = find(words[0], environ)
    if path is None:
        there = os.path.isfile(words[0])
        raise EntryError(
            f"{words[0]!r} is not a word that this image knows",
            why="it is there but not executable" if there else "no program of that name is on PATH either",
            fix=f"say {' or '.join([*settings.words, 'the name of a program of the image'])}",
            code=126 if there else 127,
        )
    return _chained(settings, [path, *words[1:]], environ)


def find(word: str, environ: dict[str, str], holds: bytes = b"") -> str | None:
    """Where an executable file is that has *holds* in its first 4 KiB; on PATH if *word* has no slash."""
    folders = [""] if "/" in word else environ.get("PATH", os.defpath).split(":")
    paths = [os.path.join(folder, word) for folder in folders]
    return next((path for path in paths if _executable(path) and holds in _head(path)), None)


def _executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except OSError:  # executable, but not for reading
        return b""


def _chained(settings: Settings, argv: list[str], env: dict[str, str], *, toolkit: bool = False) -> Command:
    """The command behind the base image's own entrypoint.

    An init in that entrypoint is left out: we are one, and the program would get each signal twice.
    """
    base = settings.base_entrypoint
    if base and os.path.basename(base[0]) in INITS:
        base = base[base.index("--") + 1 :] if "--" in base else []
    if base:
        base = [find(base[0], env) or base[0], *base[1:]]
    return Command([*base, *argv], env, wrappers=bool(base) + toolkit, toolkit=toolkit)


def _baked(settings: Settings, section: Section, env: dict[str, str], arguments: list[str]) -> Command:
    """A program of the image, started in its own folder."""
    folder = section.code or "/opt/program"
    path = _existing(folder, section.program)
    command = _chained(settings, [*_starter(path), *arguments], env)
    command.cwd = folder
    return command


def _existing(folder: str, program: str) -> str:
    path = os.path.join(folder, program)
    if os.path.isfile(path):
        return path
    try:
        there = ", ".join(sorted(os.listdir(folder))[:10]) or "nothing"
    except OSError as error:
        there = f"no such folder ({error.strerror})"
    raise EntryError(
        f"the program {path} is missing",
        why=f"in {folder} there is: {there}",
        fix=f"correct `program` in byoc.toml and {REBUILD}",
        code=127,
    )


def _starter(path: str) -> list[str]:
    """How to start a file: by Python, by itself, by what its first line names, or by the shell."""
    if path.endswith(".py"):
        return [sys.executable, path]
    head = _head(path)
    if os.access(path, os.X_OK) and head[:2] == b"#!":
        return [path]
    if head[:4] == b"\x7fELF":
        if os.access(path, os.X_OK):
            return [path]
        raise EntryError(
            f"{path} cannot be executed",
            why="it is a binary program without permission to execute",
            fix=f"`chmod +x` it in the project and {REBUILD}",
            code=126,
        )
    if head[:2] == b"#!":
        first = head.split(b"\n", 1)[0][2:].decode("utf-8", "replace").strip()
        return [*first.split(None, 1), path]
    return ["/bin/sh", path]


def _unbuffered(environ: dict[str, str]) -> dict[str, str]:
    """With live logs: Python would keep the lines of a program that does not write to a terminal."""
    return {"PYTHONUNBUFFERED": "1", **environ}


def _fill(code: str, section: Section) -> None:
    """Copy the baked program to ``/opt/ml/code``, where the toolkit looks (TTK-05), if nothing is there."""
    source = section.code or "/opt/program"
    _existing(source, section.program)
    try:
        if os.path.isdir(code) and os.listdir(code):
            return
        import shutil

        shutil.copytree(source, code, symlinks=True, dirs_exist_ok=True)
    except OSError as error:
        raise EntryError(
            f"cannot copy {source} to {code}",
            why=str(error),
            fix=f"let the container write to {code}, or mount the code there",
        ) from error


def _job_names_program(places: Places) -> bool:
    """Whether the job says by hyperparameter which script to run, as the SDK does."""
    import json

    try:
        with open(places.hyperparameters, encoding="utf-8") as file:
            return "sagemaker_program" in json.load(file)
    except (OSError, ValueError, TypeError):  # the toolkit says what is wrong with it
        return False


def _toolkit(env: dict[str, str]) -> list[str]:
    """The training toolkit: its console script, never another program that is called train."""
    script = find("train", env, TOOLKIT)
    return [script] if script else [sys.executable, "-c", TOOLKIT_CODE]


def _serving_program(settings: Settings, section: Section, environ: dict[str, str]) -> str:
    """SAGEMAKER_PROGRAM where it means serving; the one that names the training program does not."""
    named = environ.get("SAGEMAKER_PROGRAM")
    trained = settings.train.program if settings.train else None
    return named if named and named != trained else section.program


def _not_made_for(word: str, settings: Settings) -> EntryError:
    return EntryError(
        f"this image cannot {word}",
        why=f"its byoc.toml has no [{word}] table; it knows: {', '.join(settings.words) or 'no word'}",
        fix=f"add [{word}] and the target to byoc.toml and {REBUILD}, or use an image made for {word}",
    )


def cannot_start(command: Command, error: OSError) -> EntryError:
    """Why a command that is there did not start; the kernel's words alone mislead."""
    path = command.argv[0]
    first = _head(path).split(b"\n", 1)[0]
    why = f"{error.strerror}"
    if first.startswith(b"#!") and first.endswith(b"\r"):
        why = "its first line ends with CRLF, so the system looks for an interpreter of that odd name"
    elif first.startswith(b"#!") and error.errno == errno.ENOENT:
        why = f"its first line names {first[2:].decode('utf-8', 'replace')}, which is not in the image"
    elif error.errno == errno.ENOEXEC:
        why = "it is neither a program for this machine's processor nor a script that names its interpreter"
    return EntryError(
        f"cannot start {path}",
        why=why,
        fix=f"correct the file in the project and {REBUILD}",
        code=127 if error.errno == errno.ENOENT else 126,
    )
