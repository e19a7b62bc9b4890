"""Writing an image into an OCI image layout on disk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.images.compress import compressed
from byoc_kit.images.files import told
from byoc_kit.images.layout import LayoutFolder
from byoc_kit.images.moving import JOBS, Meter, at_once
from byoc_kit.images.survey import distinct, survey
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.reference import Layout
from byoc_kit.oci.transfer import Transfer
from byoc_kit.store import Store
from byoc_kit.talk import Talk

__all__ = ["LayoutSink"]


@dataclass(frozen=True, slots=True)
class LayoutSink:
    """The layout that *location* names; made where it does not exist."""

    location: Layout
    store: Store
    talk: Talk
    jobs: int = JOBS

    @property
    def folder(self) -> LayoutFolder:
        """The layout's."""
        return LayoutFolder(Path(self.location.directory))

    def missing(self, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        """Those of *layers* that are not in the layout."""
        return tuple(layer for layer in distinct(layers) if not self.folder.has(layer.descriptor))

    def survey(self, image: Image) -> Transfer:
        """What would be written."""
        whole = compressed(image, self.store, self.talk)
        config = not self.folder.has(whole.manifest.config)
        return survey(whole, self.missing(whole.layers), (), config=config)

    def write(self, image: Image, *, tag: bool) -> str:
        """Write *image*; ``oci:DIR@digest``. *tag*: ``oci:DIR`` means it from now on. Raises ByocError."""
        whole = compressed(image, self.store, self.talk)
        todo = self.missing(whole.layers)
        meter = Meter(self.talk, f"writing {self.location}", sum(each.descriptor.size for each in todo))
        with told(str(self.location)):
            at_once([self._put(meter.of(layer)) for layer in todo], jobs=self.jobs, stopped=meter.stopped)
            self.folder.put(whole.manifest.config.digest, [whole.raw_config])
            self.folder.put(whole.manifest.digest, [whole.manifest.raw])
            self.folder.enter(whole.manifest, whole.config.platform, latest=tag)
        return f"oci:{self.location.directory}@{whole.manifest.digest}"

    def _put(self, blob: Layer) -> Callable[[], object]:
        return lambda: self.folder.put(blob.descriptor.digest, blob.read())
