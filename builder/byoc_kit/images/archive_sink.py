"""Writing an image into a docker-archive file, which appears when it is whole."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from byoc_kit.images.archive import archive_chunks
from byoc_kit.images.files import told, write_whole
from byoc_kit.images.moving import Meter
from byoc_kit.images.survey import distinct, survey
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.reference import Archive
from byoc_kit.oci.transfer import Transfer
from byoc_kit.talk import Talk

__all__ = ["ArchiveSink"]


@dataclass(frozen=True, slots=True)
class ArchiveSink:
    """The file that *location* names."""

    location: Archive
    talk: Talk

    def missing(self, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        """All of *layers*: the file is written anew."""
        return distinct(layers)

    def survey(self, image: Image) -> Transfer:
        """What would be written."""
        return survey(image, self.missing(image.layers), (), config=True)

    def write(self, image: Image, *, tag: bool) -> str:
        """Write the file; ``archive:FILE``. Raises ByocError."""
        size = sum(layer.descriptor.size for layer in distinct(image.layers))
        meter = Meter(self.talk, f"writing {self.location}", size)
        counted = replace(image, layers=tuple(meter.of(layer) for layer in image.layers))
        with told(str(self.location)):
            write_whole(Path(self.location.file), archive_chunks(counted, ()))
        return str(self.location)
