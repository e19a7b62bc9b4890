"""A project and images of a few bytes, to publish without an engine."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byoc_kit.images.layout_sink import LayoutSink
from byoc_kit.oci.reference import Layout
from byoc_kit.store import Store
from byoc_kit.talk import Silence
from rig.images import MemoryLayer, image_of, tar_of

__all__ = ["Small"]

HEAD = """\
[image]
name = "churn"
version = "{version}"
style = "basic"
base = "{base}"
targets = ["training", "processing"]
[train]
program = "train.py"
[process]
program = "process.py"
[publish]
repository = "{repository}"
"""
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
GLIBC = ELF + b"\0GNU C Library (GNU libc) stable release version 2.36.\n\0"
SITE = "opt/venv/lib/python3.11/site-packages"
PYTHON = {
    "usr/lib64/libc.so.6": GLIBC,
    "usr/bin/python3.11": ELF,
    "usr/bin/python3": ELF,
    "usr/lib/python3.11/os.py": b"",
    "opt/venv/pyvenv.cfg": b"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n",
    "opt/venv/bin/python3": ELF,
    f"{SITE}/": b"",
    f"{SITE}/pip-24.0.dist-info/METADATA": b"Name: pip\nVersion: 24.0\n",
    f"{SITE}/pip-24.0.dist-info/RECORD": b"",
}
"""Of a base, what tells that it has Python."""


@dataclass
class Small:
    """A folder with a byoc.toml, and images beside it."""

    folder: Path
    repository: str = "sagemaker/churn"
    version: str = "1.4.2"
    base: str = "python:3.12"
    more: str = ""
    """Further lines of ``[publish]``, and tables after it."""
    _made: dict[str, str] = field(default_factory=dict)

    def write(self, **changes: str) -> "Small":
        """Write byoc.toml, with *changes* of these fields."""
        for name, value in changes.items():
            setattr(self, name, value)
        (self.folder / "src").mkdir(parents=True, exist_ok=True)
        for program in ("train.py", "process.py"):
            (self.folder / "src" / program).write_text("")
        text = HEAD.format(version=self.version, repository=self.repository, base=self.base) + self.more
        (self.folder / "byoc.toml").write_text(text)
        return self

    def image(self, word: str = "one", size: int = 0, **config: Any) -> str:
        """``oci:DIR`` of an image whose content *word* decides, with *size* more bytes that do not shrink."""
        if word not in self._made:
            from rig.images import noise

            layers = [
                MemoryLayer.of(
                    tar_of(
                        {
                            "opt/": b"",
                            "opt/entry": ELF,
                            "opt/word": word.encode(),
                        }
                    )
                ),
                *([MemoryLayer.of(tar_of({"opt/noise": noise(size, len(word))}))] if size else []),
            ]
            self._made[word] = self._layout(
                word, layers, {"Entrypoint": ["/opt/entry"], "Cmd": None, **config}
            )
        return self._made[word]

    def on_python(self, size: int = 0) -> "Small":
        """Write byoc.toml for a base with a Python, *size* bytes large, that the layer engine extends."""
        from rig.images import noise

        files = {**PYTHON, **({"opt/noise": noise(size)} if size else {})}
        layers = [MemoryLayer.of(tar_of(files))]
        return self.write(
            base=self._layout("base", layers, {"Env": ["PATH=/opt/venv/bin:/usr/bin"], "Cmd": None})
        )

    def _layout(self, word: str, layers: Sequence[MemoryLayer], config: Mapping[str, Any]) -> str:
        place = self.folder.parent / f"image-{word}"
        sink = LayoutSink(Layout(str(place)), Store(self.folder.parent / "store"), Silence(), 2)
        sink.write(image_of(layers, config=config), tag=True)
        return f"oci:{place}"

    @property
    def record(self) -> Mapping[str, Any]:
        """What the last publish left."""
        found: Mapping[str, Any] = json.loads((self.folder / ".byoc" / "record.json").read_text())
        return found
