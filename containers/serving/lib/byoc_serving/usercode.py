"""The user's program: where it is, what it needs, and importing it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import traceback
from dataclasses import dataclass
from types import ModuleType
from typing import List, Mapping

from byoc_serving.errors import ModelLoadError, ServingError, describe
from byoc_serving.log import say
from byoc_serving.settings import Settings

NOT_THE_USERS = (os.path.dirname(os.path.abspath(__file__)), "/sagemaker_inference")


@dataclass(frozen=True)
class Program:
    """A program that exists."""

    folder: str
    """The code folder, first on the path of modules."""
    name: str
    """Relative to the folder."""

    @property
    def path(self) -> str:
        """Where the file is."""
        return os.path.join(self.folder, self.name)

    @property
    def module(self) -> str:
        """Its module name, which pickled models remember: ``inference`` for ``inference.py``."""
        return os.path.splitext(os.path.basename(self.name))[0]

    @property
    def import_folders(self) -> List[str]:
        """What must be on the path of modules: the code folder, and the program's own if that is below it."""
        folders = [self.folder]
        own = os.path.dirname(self.path)
        return folders if own == self.folder else [own, *folders]


def find_program(settings: Settings, environ: Mapping[str, str]) -> Program:
    """The program that came with the model, else the one in the image (STK-04).

    Beside ``--program`` the name in SAGEMAKER_PROGRAM is looked for, but only with the model, where the SDK
    puts what it was given; in the image that variable may name the training program.
    """
    shipped = os.path.join(settings.model_dir, "code")
    named = environ.get("SAGEMAKER_PROGRAM", "")
    candidates = [Program(shipped, name) for name in (settings.program, named) if name.endswith(".py")]
    if settings.code:
        candidates.append(Program(os.path.abspath(settings.code), settings.program))
    for program in candidates:
        if os.path.isfile(program.path):
            return program
    places = [os.path.join(shipped, settings.program)] + [c.path for c in candidates[-1:] if settings.code]
    raise ServingError(
        "the serving program {} is nowhere".format(settings.program),
        why="looked for " + " and ".join(places),
        fix='put it into the model archive as code/{0}, or bake it with [serve] program = "{0}"'.format(
            settings.program
        ),
    )


def wants_requirements(settings: Settings) -> bool:
    """Whether the model has a ``code/requirements.txt`` that names a package."""
    path = _requirements(settings)
    if not os.path.isfile(path):
        return False
    if not _wanted(path):
        say("{} names no package: nothing to install".format(path))
        return False
    return True


def install_requirements(settings: Settings, python: str = sys.executable) -> None:
    """Install for *python* what ``code/requirements.txt`` asks for (STK-04). Raises ServingError."""
    if not wants_requirements(settings):
        return
    path = _requirements(settings)
    say("installing {}".format(path))
    # Debian's Python does not install system-wide unless told (PEP 668); a container owns its system.
    environ = dict(os.environ, PIP_BREAK_SYSTEM_PACKAGES="1", PIP_ROOT_USER_ACTION="ignore")
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "-r",
        path,
    ]
    code = subprocess.call(command, env=environ, stdout=sys.stderr)
    if code:
        raise ServingError(
            "the packages of {} could not be installed".format(path),
            why="pip ended with code {}; its own words are above".format(code),
            fix="bake them with [python] requirements, or give the container a way to the package index",
        )
    importlib.invalidate_caches()


def _requirements(settings: Settings) -> str:
    return os.path.join(settings.model_dir, "code", "requirements.txt")


def import_program(program: Program) -> ModuleType:
    """Import the user's program. Raises ModelLoadError if that fails."""
    # the model folder is read-only in the cloud, but writable in local mode (INF-14)
    sys.dont_write_bytecode = True
    sys.path[:0] = program.import_folders
    spec = importlib.util.spec_from_file_location(program.module, program.path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[program.module] = module
    with user_code("{} could not be imported".format(program.path)):
        spec.loader.exec_module(module)
    return module


class user_code:  # noqa: N801 - reads as a statement: `with user_code("..."):`
    """Turn what the user's code raises while the server starts into a ModelLoadError with its traceback."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: object, tail: object) -> None:
        if not isinstance(error, BaseException) or isinstance(error, ServingError):
            return
        raise ModelLoadError(
            self.what,
            why=describe(error),
            fix="the traceback is above; `byoc run serve` shows the same on your machine",
            traceback=user_traceback(error),
            cause=error,
        ) from None


def user_traceback(error: BaseException) -> str:
    """The traceback without the frames of servers and import machinery at its top."""
    tail = error.__traceback__
    while tail is not None and tail.tb_next is not None:
        name = tail.tb_frame.f_code.co_filename
        if not (name.startswith("<frozen importlib") or os.path.dirname(name).endswith(NOT_THE_USERS)):
            break
        tail = tail.tb_next
    return "".join(traceback.format_exception(type(error), error, tail))


def _wanted(path: str) -> List[str]:
    with open(path, encoding="utf-8-sig") as stream:
        lines = (line.split(" #")[0].strip() for line in stream)
        return [line for line in lines if line and not line.startswith("#")]
