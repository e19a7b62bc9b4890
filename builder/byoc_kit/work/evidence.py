"""What an image tells without being run as a job: its config, its manifest, its files."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace

from byoc_kit.contract.types import ASKED_COMMANDS, Evidence
from byoc_kit.docker_api import connect
from byoc_kit.images.daemon import config
from byoc_kit.images.push import image_size
from byoc_kit.images.registry import RemoteImage, read_image
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.oci.manifest import Manifest
from byoc_kit.oci.reference import Docker, ImageReference, Named
from byoc_kit.spec.types import Target
from byoc_kit.store import user_store
from byoc_kit.talk import Talk
from byoc_kit.work.accounts import Accounts
from byoc_kit.work.facts import facts_in_engine, facts_in_files
from byoc_kit.work.images import open_image, open_repository
from byoc_kit.work.inspect import read_image_files

__all__ = ["gather", "gather_engine", "gather_files", "gather_registry", "seeming_targets", "with_manifest"]

MULTI_MODEL = "com.amazonaws.sagemaker.capabilities.multi-models"


def gather(
    reference: ImageReference, expected: Platform | None, talk: Talk, environ: Mapping[str, str]
) -> Evidence:
    """What can be known of the image without running it as a job; no targets yet. Raises ByocError."""
    if isinstance(reference, Named) and reference.repository.host:
        return gather_registry(reference, expected, environ)
    if isinstance(reference, Docker | Named):
        name = reference.name if isinstance(reference, Docker) else str(reference)
        return gather_engine(name, expected, talk, environ)
    return gather_files(reference, expected, talk, environ)


def gather_files(
    reference: ImageReference,
    expected: Platform | None,
    talk: Talk,
    environ: Mapping[str, str],
    accounts: Accounts | None = None,
) -> Evidence:
    """Evidence on an image wherever it is, without an engine: its config, manifest and every file in it."""
    with open_image(reference, platform=expected, environ=environ, talk=talk, accounts=accounts) as image:
        store = user_store(environ)
        facts = facts_in_files(image, read_image_files(image, store=store, talk=talk), store)
        outside = isinstance(reference, Named)
        return Evidence(
            image=str(reference),
            config=image.config,
            targets=(),
            expected=expected,
            size=image.manifest.size,
            commands=facts.programs & ASKED_COMMANDS,
            facts=facts,
            manifest_media_type=image.manifest.media_type if outside else None,
            layer_media_types=tuple(each.descriptor.media_type for each in image.layers) if outside else (),
            reference=image.reference if outside else None,
        )


def gather_engine(name: str, expected: Platform | None, talk: Talk, environ: Mapping[str, str]) -> Evidence:
    """Evidence on an image of the engine: its config, and what its files tell. Nothing is pulled."""
    with contextlib.closing(connect(environ)) as client:
        own, size = config(client, name), image_size(client, name)
    facts = facts_in_engine(name, own, talk, environ)
    return Evidence(
        image=f"docker:{name}",
        config=own,
        targets=(),
        expected=expected,
        size=size,
        commands=None if facts is None else facts.programs & ASKED_COMMANDS,
        facts=facts,
    )


def gather_registry(reference: Named, expected: Platform | None, environ: Mapping[str, str]) -> Evidence:
    """Evidence on an image of a registry: config and manifest, a few kilobytes; no layer is fetched."""
    remote = open_repository(reference.repository, environ)
    found = read_image(remote, reference.target, expected)
    evidence = Evidence(image=str(reference), config=found.config, targets=(), expected=expected)
    return with_manifest(evidence, found)


def with_manifest(evidence: Evidence, found: RemoteImage) -> Evidence:
    """*evidence* and what the registry has: media types, compressed size, reference."""
    layers = found.top.layers if isinstance(found.top, Manifest) else ()
    return replace(
        evidence,
        manifest_media_type=found.top.media_type,
        layer_media_types=tuple(layer.media_type for layer in layers),
        size=found.manifest.size,
        reference=str(found.reference),
    )


def seeming_targets(own: ImageConfig, commands: frozenset[str] | None) -> tuple[Target, ...]:
    """The targets of an image that nobody declared: by its labels, then by what it can start."""
    if own.labels.get(MULTI_MODEL) == "true":
        return (Target.MULTI_MODEL,)
    words = {"train": Target.TRAINING, "serve": Target.HOSTING}
    if own.entrypoint or not commands or not commands & words.keys():
        return (Target.TRAINING, Target.HOSTING)
    return tuple(target for word, target in words.items() if word in commands)
