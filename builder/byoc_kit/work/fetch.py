"""Data of S3 brought to this machine before a job starts: prefixes, and what manifests name."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from byoc_kit.aws.s3 import fetch_objects, fetch_prefix, read_text
from byoc_kit.job.objects import Reference, augmented, manifest, relocated
from byoc_kit.job.s3 import SCHEME, S3Uri
from byoc_kit.job.types import Channel, TrainingJob
from byoc_kit.talk import Talk
from byoc_kit.work.project import Project

__all__ = ["fetched", "place_of", "state_of"]


def state_of(project: Project | None) -> Path:
    """Where the state of *project* is; of the current folder where there is no project."""
    return project.state if project else Path(".byoc").resolve()


def place_of(state: Path, uri: str) -> Path:
    """Where what is fetched from *uri* is kept from run to run."""
    return state / "data" / hashlib.sha256(uri.encode()).hexdigest()[:16]


def fetched(job: TrainingJob, state: Path, talk: Talk) -> TrainingJob:
    """*job* with all its data on this machine. Raises ByocError for what cannot be fetched from S3."""
    return replace(job, channels=tuple(_fetched(channel, state, talk) for channel in job.channels))


def _fetched(channel: Channel, state: Path, talk: Talk) -> Channel:
    if channel.data_type == "ManifestFile":
        return _with_listed(channel, state, talk)
    if channel.data_type == "AugmentedManifestFile":
        return _with_named(channel, state, talk)
    if channel.uri:
        fetch_prefix(channel.uri, Path(channel.source), talk)
    return channel


def _with_listed(channel: Channel, state: Path, talk: Talk) -> Channel:
    """What a manifest lists in S3 is fetched; what it lists on this machine stays where it is."""
    text, name = _manifest(channel)
    prefix, names = manifest(text, name) if text else ("", ())
    if not prefix.startswith(SCHEME):
        return channel
    folder = place_of(state, name)
    fetch_objects({each: f"{prefix}{each}" for each in names}, folder, talk)
    return _rewritten(channel, folder, json.dumps([{"prefix": str(folder)}, *names]))


def _with_named(channel: Channel, state: Path, talk: Talk) -> Channel:
    """The same for an augmented manifest; a copy of it names the files that were fetched."""
    text, name = _manifest(channel)
    fields = (field for line in augmented(text, channel.attributes, name) for field in line)
    places = {field.place for field in fields if isinstance(field, Reference)}
    remote = {place: S3Uri.parse(place) for place in sorted(places) if place.startswith(SCHEME)}
    if not remote:
        return channel
    folder = place_of(state, name)
    names = {place: f"{uri.bucket}/{uri.key}" for place, uri in remote.items()}
    fetch_objects({names[place]: place for place in remote}, folder, talk)
    local = {place: str(folder / below) for place, below in names.items()}
    return _rewritten(channel, folder, relocated(text, channel.attributes, local))


def _manifest(channel: Channel) -> tuple[str, str]:
    """The manifest's text and its name. That a file is missing is told later, as for any channel."""
    if channel.uri:
        return read_text(channel.uri), channel.uri
    source = Path(channel.source)
    return (source.read_text(encoding="utf-8") if source.is_file() else ""), str(source)


def _rewritten(channel: Channel, folder: Path, text: str) -> Channel:
    """*channel* with a manifest of this machine."""
    manifest = folder.with_name(folder.name + ".manifest")
    manifest.write_text(text, encoding="utf-8")
    return replace(channel, source=manifest)
