"""byoc.toml to Spec, in three steps: parse, check, complete."""

import tomllib
from pathlib import PurePosixPath
from typing import Protocol

from byoc_kit.errors import UsageError
from byoc_kit.spec.complete import complete
from byoc_kit.spec.types import Spec

__all__ = ["ProjectLook", "read_spec"]


class ProjectLook(Protocol):
    """What reading a spec may ask about the files of the project; paths are relative to its root."""

    def is_file(self, path: PurePosixPath) -> bool:
        """Whether there is a regular file at *path*."""

    def is_dir(self, path: PurePosixPath) -> bool:
        """Whether there is a folder at *path*."""

    def read_bytes(self, path: PurePosixPath) -> bytes:
        """The content of the file *path*. Raises OSError."""


def read_spec(text: str, *, name: str, look: ProjectLook) -> Spec:
    """The spec that *text* holds. Raises UsageError with all mistakes of the file in its details."""
    from pydantic import ValidationError

    from byoc_kit.spec.model import SpecFile

    try:
        data = SpecFile.model_validate(tomllib.loads(text)).model_dump(by_alias=True)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError(
            f"{name} is not right", why=str(error), fix="correct the file", id="BYOC-E101"
        ) from error
    return complete(data, requirements=data["python"]["requirements"])
