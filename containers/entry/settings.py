"""What the image knows about itself (``/opt/byoc/entry.json``, ``byoc/entry/1``), and where things are."""

from __future__ import annotations

import json
import os

from trouble import EntryError

SCHEMA = "byoc/entry/1"
STYLES = ("basic", "script-mode-1", "script-mode-2", "framework")
REBUILD = "build the image again with `byoc build`"


class Places:
    """The paths of the platform and of the image; *root* is ``/`` everywhere but in tests."""

    def __init__(self, root: str = "/") -> None:
        self.settings = os.path.join(root, "opt/byoc/entry.json")
        self.serving = os.path.join(root, "opt/byoc/serving")
        self.code = os.path.join(root, "opt/ml/code")
        self.hyperparameters = os.path.join(root, "opt/ml/input/config/hyperparameters.json")
        self.failure = os.path.join(root, "opt/ml/output/failure")
        self.message = os.path.join(root, "opt/ml/output/message")
        self.processing = os.path.join(root, "opt/ml/config/processingjobconfig.json")


class Section:
    """One of the tables ``train``, ``serve``, ``process``: a program, and where its code is baked."""

    def __init__(self, name: str, table: dict[str, object]) -> None:
        self.program = _text(table, "program", name)
        self.code = None if table.get("code") is None else _text(table, "code", name)
        """The folder in the image; None where the code is fetched when the container starts."""
        self.server = table.get("server", "asgi")
        self.workers = table.get("workers")


class Settings:
    """The whole of ``entry.json``, checked."""

    def __init__(self, document: object) -> None:
        if not isinstance(document, dict):
            raise TypeError("it is not a JSON object")
        if document.get("schema") != SCHEMA:
            raise ValueError(f"its schema is {document.get('schema')!r}, not {SCHEMA!r}")
        self.style = _text(document, "style", "the document")
        if self.style not in STYLES:
            raise ValueError(f"the style {self.style!r} is none of {', '.join(STYLES)}")
        self.targets = _texts(document, "targets")
        self.base_entrypoint = _texts(document, "base_entrypoint")
        self.train = _section(document, "train")
        self.serve = _section(document, "serve")
        self.process = _section(document, "process")

    @property
    def trains(self) -> bool:
        """Whether no word at all means ``train`` (LCL-20)."""
        return "training" in self.targets or "tuning" in self.targets

    @property
    def words(self) -> list[str]:
        """The words this image answers."""
        return [word for word, table in (("train", self.train), ("serve", self.serve)) if table]


def read(path: str) -> Settings:
    """Read ``entry.json``; raises EntryError if it is not there or is not what it should be."""
    try:
        with open(path, encoding="utf-8") as file:
            return Settings(json.load(file))
    except OSError as error:
        raise EntryError(f"cannot read {path}", why=str(error.strerror), fix=REBUILD) from error
    except (ValueError, TypeError) as error:
        raise EntryError(f"cannot use {path}", why=str(error), fix=REBUILD) from error


def _section(document: dict[str, object], name: str) -> Section | None:
    table = document.get(name)
    if table is None:
        return None
    if not isinstance(table, dict):
        raise TypeError(f"{name} is neither a table nor null")
    return Section(name, table)


def _text(table: dict[str, object], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} of {where} is not a text")
    return value


def _texts(table: dict[str, object], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key} is not a list of texts")
    return value
