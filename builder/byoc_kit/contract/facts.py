"""What clauses ask of the files of an image, taken from an index of all of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice

from byoc_kit.contract.asked import (
    BASH,
    FOLDERS,
    MOST,
    NAMES,
    PROGRAM_FOLDERS,
    PROGRAMS,
    TEXTS,
    distinct,
    file_text,
    interpreters,
    normal,
    script_words,
    start_words,
)
from byoc_kit.contract.evidence import File, ImageFacts
from byoc_kit.inventory import Inventory
from byoc_kit.inventory.files import Node
from byoc_kit.inventory.index import PackedIndex
from byoc_kit.inventory.system import on_path, search_path
from byoc_kit.inventory.view import View
from byoc_kit.oci.config import ImageConfig

__all__ = ["facts_of"]

OTHERS = {"dir": 0o005, "file": 0o004, "hardlink": 0o004}
"""What others than the owner need, by kind: folders are entered, too."""
KINDS = {"hardlink": "file", "char": "other", "block": "other"}


def facts_of(
    index: PackedIndex, inventory: Inventory, read: Callable[[tuple[str, ...]], Mapping[str, bytes]]
) -> ImageFacts:
    """What *index* and *inventory* tell of an image. *read* gives the contents of physical paths."""
    look = _Look(View(index, {}), inventory.config)
    starts = tuple(path for word in start_words(inventory.config) if (path := look.where(word)))
    scripts = tuple(path for word in script_words(inventory.config) if (path := look.where(word)))
    decoders = [
        f"{each.location}/sagemaker_inference/decoder.py"
        for each in inventory.distributions or ()
        if each.name == "sagemaker-inference"
    ]
    named = tuple(path for path in (*starts, *scripts, *TEXTS, *decoders) if look.view.is_file(path))
    contents = read(tuple(dict.fromkeys(look.view.real(path) for path in named)))
    told = [look.file(path, contents.get(look.view.real(path))) for path in named]
    first = interpreters(file.text for file in told)
    more = [look.file(path) for path in first if look.view.node(path)]
    asked = {*PROGRAMS, *(word for file in told for word in (file.text or "").partition("\n")[0].split()[1:])}
    python = inventory.python
    return ImageFacts(
        files=distinct([*told, *more, *look.keys(), *look.below(), *look.named()]),
        starts=starts,
        scripts=scripts,
        programs=frozenset(name for name in asked if on_path(look.view, inventory.config, name))
        | ({BASH} if look.view.is_program(BASH) else set()),
        closed=tuple(dict.fromkeys(islice(look.closed(), MOST))),
        distributions=normal([(each.name, each.version) for each in inventory.distributions or ()]),
        python=python.version[:2] if python else None,
        cuda=any(look.view.holding("libcudart.so")),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """Questions to the files of one image."""

    view: View
    config: ImageConfig

    def where(self, word: str) -> str | None:
        """The file behind *word* as the engine finds it; one on PATH that cannot be executed, if need be."""
        if "/" in word:
            path = word if word.startswith("/") else f"{self.config.workdir.rstrip('/')}/{word}"
            return path if self.view.is_file(path) else None
        candidates = [f"{folder.rstrip('/')}/{word}" for folder in search_path(self.config)]
        here = (path for path in candidates if self.view.is_file(path))
        return on_path(self.view, self.config, word) or next(here, None)

    def file(self, path: str, data: bytes | None = None) -> File:
        """The file *path*, with what is behind its links."""
        node = self.view.node(path)
        assert node is not None
        return _file(path, node, None if data is None else file_text(data))

    def keys(self) -> Iterator[File]:
        """The keys of the machine that sshd shows."""
        for name, node in self.view.names("etc/ssh").items():
            if fnmatchcase(name, "ssh_host_*_key"):
                yield _file(f"/etc/ssh/{name}", node)

    def below(self) -> Iterator[File]:
        """What lies in the folders that clauses ask for."""
        for folder in FOLDERS:
            for path, node in islice(self.view.index.walk(self.view.real(folder)), MOST):
                yield _file(f"/{path}", node)

    def named(self) -> Iterator[File]:
        """Files with names that clauses ask for, wherever they lie."""
        folders = {folder for name in NAMES for folder in self.view.holding(name.partition("*")[0])}
        for folder in sorted(folders):
            for name, node in sorted(self.view.names(folder).items()):
                if any(fnmatchcase(name, wanted) for wanted in NAMES):
                    yield _file(f"/{folder}/{name}".replace("//", "/"), node)

    def closed(self) -> Iterator[str]:
        """Files and folders of programs that others cannot read."""
        for folder in sorted({*PROGRAM_FOLDERS, self.config.workdir} - {"", "/"}):
            top = self.view.node(folder)
            if top and top.kind == "dir" and not _open(top):
                yield folder
            for path, node in self.view.index.walk(self.view.real(folder)):
                if not _open(node):
                    yield f"/{path}"


def _open(node: Node) -> bool:
    wanted = OTHERS.get(node.kind, 0)
    return node.mode & wanted == wanted


def _file(path: str, node: Node, text: str | None = None) -> File:
    return File(
        path=path,
        kind=KINDS.get(node.kind, node.kind),
        size=node.size,
        mode=node.mode,
        uid=node.uid,
        link=node.link if node.kind == "symlink" else "",
        text=text,
    )
