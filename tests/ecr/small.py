"""A project and images of a few bytes, to publish without an engine."""

import json
from collections.abc import Mapping
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
base = "python:3.12"
targets = ["training", "processing"]
[train]
program = "train.py"
[process]
program = "process.py"
[publish]
repository = "{repository}"
"""


@dataclass
class Small:
    """A folder with a byoc.toml, and images beside it."""

    folder: Path
    repository: str = "sagemaker/churn"
    version: str = "1.4.2"
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
        text = HEAD.format(version=self.version, repository=self.repository) + self.more
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
                            "opt/entry": b"\x7fELF\x02\x01\x01" + bytes(57),
                            "opt/word": word.encode(),
                        }
                    )
                ),
                *([MemoryLayer.of(tar_of({"opt/noise": noise(size, len(word))}))] if size else []),
            ]
            made = image_of(layers, config={"Entrypoint": ["/opt/entry"], "Cmd": None, **config})
            place = self.folder.parent / f"image-{word}"
            store = Store(self.folder.parent / "store")
            LayoutSink(Layout(str(place)), store, Silence(), 2).write(made, tag=True)
            self._made[word] = f"oci:{place}"
        return self._made[word]

    @property
    def record(self) -> Mapping[str, Any]:
        """What the last publish left."""
        found: Mapping[str, Any] = json.loads((self.folder / ".byoc" / "record.json").read_text())
        return found
