"""The model folder of an endpoint's container: unpacked, with the code beside it where the style says so."""

import os
import shutil
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.local import archive

__all__ = ["prepare_model"]


def prepare_model(model: Path | None, *, code: Path | None, scratch: Path) -> Path | None:
    """The folder to mount at /opt/ml/model (INF-14); None: nothing is to be mounted (INF-16).

    *model* is a folder or a model.tar.gz. *code* is put at ``code/`` in it, as the SageMaker SDK repacks a
    model; what has to be put together is put together in *scratch*. Raises UsageError, ByocError.
    """
    if model is not None and model.is_dir() and code is None:
        archive.refuse_links(model)
        return model
    if model is None and code is None:
        return None
    target = scratch / "model"
    target.mkdir(parents=True)
    if model is not None:
        _fill(target, model)
    if code is not None:
        _add_code(target, code)
    return target


def _fill(target: Path, model: Path) -> None:
    if model.is_dir():
        archive.refuse_links(model)
        shutil.copytree(model, target, copy_function=_link, dirs_exist_ok=True)
    elif model.is_file():
        archive.unpack(model, target)
    else:
        raise UsageError(
            f"the model {model} is not there",
            why="a model is a folder, or a model.tar.gz",
            fix="name an existing one with --model, or run `byoc run train` first",
            id="BYOC-E419",
        )


def _link(source: str, target: str) -> None:
    """A second name for a large file; a copy where the disk cannot do that. The mount is read-only."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _add_code(target: Path, code: Path) -> None:
    place = target / "code"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(code, place, ignore=shutil.ignore_patterns("__pycache__"))
