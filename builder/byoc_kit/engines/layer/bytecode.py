"""Byte code for what wheels install: modules start three times as fast where the image may not write any.

An image's interpreter reads only what its own minor version made, so such an interpreter must be on this
machine. The byte code is of the kind that is never compared with its source (PEP 552, unchecked hash):
nobody edits installed modules, and times in layers are constant. It is the same whenever the same wheel is
compiled by the same version of Python, and is kept by wheel.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final, Self

from byoc_kit.engines.layer.content import Reader
from byoc_kit.engines.layer.entries import OLD, File, InWheel
from byoc_kit.engines.layer.wheel import member_of
from byoc_kit.oci.digest import Digest, is_digest
from byoc_kit.store import Store

__all__ = ["cache_path", "compiled", "interpreter", "module_of"]

KIND: Final = "bytecode"
FORMAT: Final = 1
CHUNK: Final = 1 << 20  # bytes

COMPILER: Final = """
import sys
sys.path.pop(0)
import importlib.util, marshal
take, give = sys.stdin.buffer, sys.stdout.buffer
def put(data):
    give.write(len(data).to_bytes(4, "little") + data)
    give.flush()
put(f"{sys.implementation.cache_tag} {sys.version}".encode())
while head := take.read(4):
    path = take.read(int.from_bytes(head, "little")).decode("utf-8", "surrogateescape")
    source = take.read(int.from_bytes(take.read(4), "little"))
    try:
        code = marshal.dumps(compile(source, path, "exec", dont_inherit=True, optimize=0))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        put(b"")
        continue
    flags = (1).to_bytes(4, "little")
    put(importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source) + code)
"""
"""Asked for one module after the other: length and bytes of its path, then of its source; answers with byte
code, empty where the source is none of this version. First it says who it is."""


def interpreter(version: tuple[int, int], path: str | None = None) -> str | None:
    """A CPython of *version* (major, minor): this one, or one on *path* (PATH); None: there is none."""
    if sys.version_info[:2] == version and sys.implementation.name == "cpython":
        return sys.executable
    found = shutil.which(f"python{version[0]}.{version[1]}", path=path)
    return found if found and _is_cpython(found, version) else None


def _is_cpython(program: str, version: tuple[int, int]) -> bool:
    """Whether *program* starts at all (version managers leave names behind) and is what its name says."""
    asked = "import sys; print(sys.implementation.cache_tag)"
    done = subprocess.run([program, "-I", "-S", "-c", asked], capture_output=True, text=True, check=False)
    return done.stdout.strip() == f"cpython-{version[0]}{version[1]}"


def module_of(file: File) -> bool:
    """Whether *file* is a module of a wheel, of which byte code can be made."""
    return file.path.endswith(".py") and isinstance(file.body, InWheel)


def compiled(
    files: Mapping[str, Iterable[File]],
    python: str,
    store: Store,
    wanted: Callable[[File], bool] = module_of,
) -> tuple[File, ...]:
    """Byte code of the *wanted* modules among *files* (by wheel), made by the interpreter *python*.

    Modules that do not compile (of another version's syntax, templates) have none.
    """
    with _Compiler(python) as compiler:
        who = compiler.who
    jobs = [[file for file in members if module_of(file) and wanted(file)] for members in files.values()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        kept = pool.map(lambda modules: _kept(modules, python, who, store), filter(None, jobs))
        return tuple(file for archive in kept for file in _files(*archive))


def cache_path(module: str, tag: str) -> str:
    """Where Python looks for byte code of *module* (PEP 3147): ``pkg/__pycache__/mod.cpython-311.pyc``."""
    folder, slash, name = module.rpartition("/")
    return f"{folder}{slash}__pycache__/{name.removesuffix('.py')}.{tag}.pyc"


class _Compiler:
    """An interpreter of the image's version, in a process of its own for each wheel.

    What it compiled before would show in the bytes: marshal writes references to objects that live already.
    """

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, "-s", "-S", "-W", "ignore", "-c", COMPILER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONHASHSEED": "0"},
        )
        self.who = self._answer().decode()
        """Cache tag and version: byte code of another one may have other bytes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    @property
    def tag(self) -> str:
        """``cpython-311``."""
        return self.who.partition(" ")[0]

    def __call__(self, path: str, source: bytes) -> bytes:
        """The content of a ``.pyc``; empty where *source* does not compile."""
        assert self._process.stdin is not None
        for part in (path.encode("utf-8", "surrogateescape"), source):
            self._process.stdin.write(len(part).to_bytes(4, "little") + part)
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> bytes:
        assert self._process.stdout is not None
        size = int.from_bytes(self._process.stdout.read(4), "little")
        return self._process.stdout.read(size)


def _kept(modules: list[File], python: str, who: str, store: Store) -> tuple[Path, str]:
    """A zip with the byte code of *modules* (of one wheel), and its SHA-256; made where it is not kept."""
    key = _key(modules, who)
    known = store.read(KIND, key)
    digest = known.get("digest") if isinstance(known, dict) else None
    path = store.blob(KIND, Digest(digest)) if isinstance(digest, str) and is_digest(digest) else None
    if path is None:
        with tempfile.TemporaryFile() as file, _Compiler(python) as compiler:
            _write(file, modules, compiler)
            file.seek(0)
            digest, path = store.put_blob(KIND, iter(lambda: file.read(CHUNK), b""))
        store.write(KIND, key, {"digest": digest})
    return path, str(digest).removeprefix("sha256:")


def _key(modules: list[File], who: str) -> str:
    """What decides the byte code: the wheel, where its modules are (tracebacks say it), the interpreter."""
    state = hashlib.sha256(f"{FORMAT} {who}".encode())
    for file in modules:
        assert isinstance(file.body, InWheel)
        told = f"\0{file.path}\0{file.body.sha256}\0{file.body.member.name}"
        state.update(told.encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _write(file: IO[bytes], modules: list[File], compiler: _Compiler) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, Reader() as reader:
        for module in modules:
            assert isinstance(module.body, InWheel)
            data = compiler(f"/{module.path}", reader.small(module.body.wheel, module.body.member))
            if data:
                info = zipfile.ZipInfo(cache_path(module.path, compiler.tag), (1980, 1, 2, 0, 0, 0))
                archive.writestr(info, data, zipfile.ZIP_DEFLATED)


def _files(path: Path, sha256: str) -> Iterator[File]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            yield File(info.filename, 0o644, OLD, InWheel(path, sha256, member_of(info)))
