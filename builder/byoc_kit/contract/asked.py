"""What clauses ask of the files of an image: whoever looks, into files or with a shell, looks for this."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

from byoc_kit.contract.evidence import File
from byoc_kit.oci.config import ImageConfig

__all__ = [
    "BASH",
    "FOLDERS",
    "MOST",
    "NAMES",
    "PROGRAMS",
    "PROGRAM_FOLDERS",
    "SHELLS",
    "TEXT",
    "TEXTS",
    "distinct",
    "file_text",
    "interpreters",
    "normal",
    "script_words",
    "start_words",
]

PROGRAMS: Final = (
    *("sh", "bash", "chmod", "cat", "ls", "tar", "gzip", "env"),
    *("python", "python3", "pip", "pip3", "perl", "ruby", "node", "Rscript"),
    *("train", "serve", "java", "multi-model-server", "mpirun", "ssh", "sshd"),
)
"""Commands that are looked up on PATH."""
BASH: Final = "/bin/bash"
"""Looked for at exactly this place, because ModelTrainer names it so (TMD-01)."""
SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh"})

NAMES: Final = (
    *("libcuda.so*", "libnvidia-ml.so*", "nvidia-smi", "nvidia*.ko"),
    *("libcudart.so*", "libnccl-net.so*", "efa.ko*"),
)
"""Files of these names are noted wherever they lie."""
FOLDERS: Final = ("/opt/ml", "/opt/amazon/efa")
"""What lies below is noted."""
TEXTS: Final = ("/etc/ssh/ssh_config", "/root/.ssh/config")
"""Read, if they are there."""
PROGRAM_FOLDERS: Final = ("/opt", "/app", "/srv", "/usr/src", "/usr/local")
"""Where the programs of images lie; the working directory is another (IMG-06)."""

MOST: Final = 200
"""Files of each kind that are noted."""
TEXT: Final = 4096
"""Bytes of a text that are read."""


def start_words(config: ImageConfig) -> tuple[str, ...]:
    """The programs that a job starts: the first word of ENTRYPOINT, else ``train`` and ``serve`` (IMG-01)."""
    return config.entrypoint[:1] if config.entrypoint else ("train", "serve")


def script_words(config: ImageConfig) -> tuple[str, ...]:
    """Words of ENTRYPOINT that may be the script that it gives to a shell."""
    first, *rest = config.entrypoint or ("",)
    if PurePosixPath(first).name not in SHELLS or any(re.fullmatch("-[a-z]*c", word) for word in rest):
        return ()
    return tuple(word for word in rest if not word.startswith("-"))[:1]


def interpreters(texts: Iterable[str | None]) -> tuple[str, ...]:
    """What the first lines of scripts name, a carriage return at the end included, as Linux does."""
    lines = (text.partition("\n")[0] for text in texts if text and text.startswith("#!"))
    return tuple(dict.fromkeys(line[2:].strip(" ").partition(" ")[0] for line in lines))


def file_text(data: bytes) -> str | None:
    """*data*, the beginning of a file, as text; None for a program."""
    return None if b"\0" in data else data[:TEXT].decode("utf-8", "replace")


def distinct(files: Iterable[File]) -> tuple[File, ...]:
    """*files*, each path once; what was read goes before what was not."""
    found: dict[str, File] = {}
    for file in files:
        if file.path not in found or found[file.path].text is None:
            found[file.path] = file
    return tuple(found.values())


def normal(names: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Distributions by normalised name (PEP 503); of several, the first on ``sys.path``."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in reversed(names)}
