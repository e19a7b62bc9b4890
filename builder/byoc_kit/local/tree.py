"""The folder of one run: what the service would put under /opt/ml, and what the containers leave there.

::

    runs/<id>/input/config/*.json   runs/<id>/input/data/<channel>   (empty: the data are mounted over it)
              model/  output/data/  checkpoints/  log                written by the container
              job.json  model.tar.gz                                 written by byoc
              views/<host>/<channel>                                 second names of the files a host gets
    runs/latest -> <id>

Of several hosts each has a folder of its own, ``runs/<id>/hosts/<host>/{input,model,...,log}``; what
they leave is then merged into ``model/``, ``output/`` and ``checkpoints/`` as in S3 (OUT-02, OUT-07).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.job.container import WARM_POOL, Mount
from byoc_kit.job.files import config_files
from byoc_kit.job.types import Channel, TrainingJob
from byoc_kit.local.channels import fill_view, has_view, objects_of

__all__ = [
    "HostTree",
    "RunTree",
    "create",
    "mounts",
    "newest_success",
    "point_latest",
    "require_sources",
    "save_record",
]

ML = PurePosixPath("/opt/ml")
RECORD = "byoc/run-train/1"
SUCCESS = "Completed"  # TrainingJobStatus of a job that went well


@dataclass(frozen=True, slots=True)
class HostTree:
    """Where the parts of one host are on this machine."""

    root: Path

    @property
    def input(self) -> Path:
        """Mounted at /opt/ml/input."""
        return self.root / "input"

    @property
    def data(self) -> Path:
        """``input/data``: mountpoints of channels, and their pipes."""
        return self.input / "data"

    @property
    def model(self) -> Path:
        """Mounted at /opt/ml/model."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """Mounted at /opt/ml/output; ``data/`` and ``failure`` are in it (OUT-03, OUT-05)."""
        return self.root / "output"

    @property
    def failure(self) -> Path:
        """What becomes FailureReason (OUT-03)."""
        return self.output / "failure"

    @property
    def checkpoints(self) -> Path:
        """Mounted at /opt/ml/checkpoints (OUT-07)."""
        return self.root / "checkpoints"

    @property
    def log(self) -> Path:
        """Everything the container printed."""
        return self.root / "log"


@dataclass(frozen=True, slots=True)
class RunTree(HostTree):
    """Where the parts of one run are; of a single host, these are the host's own."""

    @property
    def warm_pool(self) -> Path:
        """What a managed warm pool keeps from run to run, one folder for each host (TRN-10)."""
        return self.root.parent.parent / "warmpool"

    @property
    def archive(self) -> Path:
        """What the service would have uploaded (OUT-01)."""
        return self.root / "model.tar.gz"

    @property
    def record(self) -> Path:
        """How the job was and how it ended."""
        return self.root / "job.json"

    def view(self, host: str, channel: str) -> Path:
        """What *host* gets of a channel of which not every host gets all (CHN-07)."""
        return self.root / "views" / host / channel

    def host(self, name: str, job: TrainingJob) -> HostTree:
        """The folders of the host *name* of *job*."""
        return HostTree(self.root if len(job.hosts) == 1 else self.root / "hosts" / name)


def create(runs: Path, job: TrainingJob) -> RunTree:
    """Make the tree of *job* under *runs* and point ``runs/latest`` at it.

    Raises UsageError for a channel whose data are not there, ByocError where the folder cannot be written.
    """
    require_sources(job)
    tree = RunTree(runs / job.name)
    try:
        for folder in (tree.model, tree.output / "data", tree.checkpoints):
            folder.mkdir(parents=True)
        for host in job.hosts:
            _create_host(tree, job, host)
        point_latest(tree)
    except OSError as error:
        raise ByocError(
            f"the folder of this run, {tree.root}, cannot be written",
            why=f"{error.strerror}: {error.filename}",
            fix="make room or change the owner of the folder; an earlier run as root leaves root's files",
            id="BYOC-E411",
        ) from error
    return tree


def _create_host(tree: RunTree, job: TrainingJob, name: str) -> None:
    host = tree.host(name, job)
    for folder in (host.input / "config", host.data, host.model, host.output / "data", host.checkpoints):
        folder.mkdir(parents=True, exist_ok=True)
    for file, text in config_files(job, name).items():
        (host.input / "config" / file).write_text(text, encoding="utf-8")
    for channel in job.channels_of(name):
        if has_view(channel, job):
            fill_view(tree.view(name, channel.name), channel, job, name)
        if channel.mode != "Pipe":
            _make_mountpoint(host.data / channel.name, _source(tree, job, channel, name))
    if job.warm_pool:
        (tree.warm_pool / name).mkdir(parents=True, exist_ok=True)


def require_sources(job: TrainingJob) -> None:
    """Raise UsageError for a channel whose data, or what its manifest names, are not there."""
    for channel in job.channels:
        _require_source(channel)
        if channel.data_type == "ManifestFile":
            objects_of(channel, job, job.hosts_of(channel)[0])


def _require_source(channel: Channel) -> None:
    if not Path(channel.source).exists():
        raise UsageError(
            f"channel {channel.name}: {channel.source} is not there",
            why="the data of a channel are a file or a folder of this machine, mounted read-only (CHN-01)",
            fix=f"correct [train] channels in byoc.toml, or give --channel {channel.name}=PATH",
            id="BYOC-E405",
        )


def _source(tree: RunTree, job: TrainingJob, channel: Channel, host: str) -> Path:
    """What of this machine *host* sees as *channel*."""
    return tree.view(host, channel.name) if has_view(channel, job) else Path(channel.source)


def _make_mountpoint(point: Path, source: Path) -> None:
    """A read-only mount cannot get mountpoints from Docker: they must be there before."""
    point.mkdir()
    if source.is_file():
        (point / source.name).touch()


def point_latest(tree: RunTree) -> None:
    """A convenience, so no reason to fail: a disk may know no links, a copied project has a folder there."""
    latest = tree.root.parent / "latest"
    fresh = latest.with_name(f".latest-{tree.root.name}")
    try:
        fresh.symlink_to(tree.root.name)
        fresh.replace(latest)
    except OSError:
        fresh.unlink(missing_ok=True)


def mounts(tree: RunTree, job: TrainingJob, name: str) -> tuple[Mount, ...]:
    """The tree as the host *name* sees it; input is read-only: an image must not write there (TRN-06)."""
    host = tree.host(name, job)
    return (
        Mount(host.input, ML / "input", read_only=not job.writable_input),
        *(
            _channel_mount(_source(tree, job, channel, name), channel)
            for channel in job.channels_of(name)
            if channel.mode != "Pipe"
        ),
        Mount(host.model, ML / "model"),
        Mount(host.output, ML / "output"),
        *([Mount(host.checkpoints, job.checkpoint_path)] if job.checkpoints else []),
        *([Mount(tree.warm_pool / name, WARM_POOL)] if job.warm_pool else []),
    )


def _channel_mount(source: Path, channel: Channel) -> Mount:
    target = ML / "input/data" / channel.name
    return Mount(source, target / source.name if source.is_file() else target, read_only=channel.read_only)


def save_record(tree: RunTree, content: Mapping[str, object]) -> None:
    """Write ``job.json``, whole or not at all."""
    fresh = tree.record.with_name(".job.json")
    fresh.write_text(json.dumps({"schema": RECORD, **content}, indent=2) + "\n", encoding="utf-8")
    fresh.replace(tree.record)


def newest_success(runs: Path) -> RunTree | None:
    """The newest run that went well and left a model; None: there is none."""
    done = sorted(_successes(runs), key=lambda found: found[0], reverse=True)
    return next((tree for _, tree in done), None)


def _successes(runs: Path) -> Iterator[tuple[str, RunTree]]:
    for record in runs.glob("*/job.json"):
        tree = RunTree(record.parent)
        content = _read_record(record)
        if not tree.root.is_symlink() and content.get("status") == SUCCESS and any(tree.model.glob("*")):
            yield str(content.get("started")), tree


def _read_record(record: Path) -> Mapping[str, object]:
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
