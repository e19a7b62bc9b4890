"""``byoc copy``: an image from one place to another, and only what is missing there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from byoc_kit.images.moving import JOBS
from byoc_kit.oci.config import Platform
from byoc_kit.oci.manifest import DOCKER_MANIFEST
from byoc_kit.oci.reference import Location, Named, is_ecr
from byoc_kit.oci.transfer import Transfer
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.images import open_image, open_sink

__all__ = ["Copied", "copy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was copied, and what it took."""

    source: str
    """Exactly which image it was."""
    reference: str
    """Where it is now; by digest, or by the engine's image id."""
    digest: str
    """Of the manifest that was read; a place with another form (engine, archive) has another one."""
    platform: Platform
    transfer: Transfer

    def to_json(self) -> dict[str, object]:
        """For machines, schema ``byoc/copy/1``."""
        return {
            "schema": "byoc/copy/1",
            "source": self.source,
            "reference": self.reference,
            "digest": self.digest,
            "platform": str(self.platform),
            "transfer": {
                way: [{"digest": blob.digest, "size": blob.size} for blob in getattr(self.transfer, way)]
                for way in ("reuse", "mount", "relay", "upload")
            },
        }


def copy(
    source: Location,
    target: Location,
    *,
    platform: Platform | None = None,
    jobs: int = JOBS,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
) -> Copied:
    """Copy the image at *source* for *platform* (linux/amd64) to *target*; *jobs*: blobs at the same time.

    Whatever fails, no name at *target* means an image that is not whole, and the next run goes on from there.
    Raises ByocError.
    """
    voice, wanted = talk or Silence(), platform or Platform()
    with (
        open_image(source, platform=wanted, environ=environ, talk=voice) as image,
        open_sink(target, environ=environ, talk=voice, jobs=jobs) as sink,
    ):
        transfer = sink.survey(image)
        voice.say(f"copying {image.reference}: {describe(transfer)}")
        _warn_of_form(image.manifest.media_type, target, voice)
        reference = sink.write(image, tag=True)
    return Copied(
        source=image.reference,
        reference=reference,
        digest=image.manifest.digest,
        platform=wanted,
        transfer=transfer,
    )


def _warn_of_form(media_type: str, target: Location, talk: Talk) -> None:
    """SageMaker's hosting takes Docker's manifests only (IMG-11); a copy keeps the form that it finds."""
    host = target.repository.host if isinstance(target, Named) else None
    if host and is_ecr(host) and media_type != DOCKER_MANIFEST:
        talk.warn(
            f"SageMaker does not host images in the form {media_type}; `byoc publish IMAGE` converts it"
        )


def describe(transfer: Transfer) -> str:
    """One line for a person."""
    sent, there = transfer.sent, sum(blob.size for blob in (*transfer.reuse, *transfer.mount))
    return f"{_size(sent)} to send, {_size(there)} there already"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"
