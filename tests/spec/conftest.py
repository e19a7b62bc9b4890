"""A project in memory, and the two questions that these tests ask: what was read, and what was refused."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.spec.files import ProjectLook, Tree
from byoc_kit.spec.read import read_spec
from byoc_kit.spec.types import Spec


class InMemory:
    """The files of a project by their path; a value None is a link that leads out."""

    def __init__(self, files: Mapping[str, bytes | None]) -> None:
        self.files = {PurePosixPath(path): content for path, content in files.items()}

    def is_file(self, path: PurePosixPath) -> bool:
        return path in self.files

    def is_dir(self, path: PurePosixPath) -> bool:
        return any(path in file.parents for file in self.files)

    def read_bytes(self, path: PurePosixPath) -> bytes:
        content = self.files.get(path)
        if content is None:
            raise FileNotFoundError(path)
        return content

    def leaves(self, path: PurePosixPath) -> bool:
        return path in self.files and self.files[path] is None

    def below(self, folder: PurePosixPath) -> Iterable[tuple[PurePosixPath, int]]:
        return [(path, len(self.files[path] or b"")) for path in sorted(self.files) if folder in path.parents]


_look: type[ProjectLook] = InMemory
_tree: type[Tree] = InMemory

PROGRAMS = {"src/train.py": b"", "src/inference.py": b""}


@pytest.fixture
def read() -> Callable[..., Spec]:
    """read(text, files={}): the spec of *text* in a project with the two programs and *files*."""

    def _read(text: str, files: Mapping[str, bytes | None] | None = None) -> Spec:
        project = InMemory({**PROGRAMS, **(files or {})})
        return read_spec(text, name="byoc.toml", look=project, tree=project)

    return _read


@pytest.fixture
def refused(read: Callable[..., Spec]) -> Callable[..., UsageError]:
    """refused(text, files={}): the error that reading ends with."""

    def _refused(text: str, files: Mapping[str, bytes | None] | None = None) -> UsageError:
        with pytest.raises(UsageError) as caught:
            read(text, files)
        return caught.value

    return _refused
