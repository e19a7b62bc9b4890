"""The folder of one run: what the service would put under /opt/ml, and what the container leaves there.

::

    runs/<id>/input/config/*.json   runs/<id>/input/data/<channel>   (empty: the data are mounted over it)
              model/  output/data/  checkpoints/                     written by the container
              job.json  log  model.tar.gz                            written by byoc
    runs/latest -> <id>
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.job.container import Mount
from byoc_kit.job.files import config_files
from byoc_kit.job.types import Channel, TrainingJob

__all__ = ["RunTree", "create", "mounts", "newest_success", "save_record"]

ML = PurePosixPath("/opt/ml")
RECORD = "byoc/run-train/1"
SUCCESS = "Completed"  # TrainingJobStatus of a job that went well


@dataclass(frozen=True, slots=True)
class RunTree:
    """Where the parts of one run are on this machine."""

    root: Path

    @property
    def input(self) -> Path:
        """Mounted at /opt/ml/input."""
        return self.root / "input"

    @property
    def model(self) -> Path:
        """Mounted at /opt/ml/model."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """Mounted at /opt/ml/output; ``data/`` and ``failure`` are in it (OUT-03, OUT-05)."""
        return self.root / "output"

    @property
    def checkpoints(self) -> Path:
        """Mounted at /opt/ml/checkpoints (OUT-07)."""
        return self.root / "checkpoints"

    @property
    def log(self) -> Path:
        """Everything the container printed."""
        return self.root / "log"

    @property
    def archive(self) -> Path:
        """What the service would have uploaded (OUT-01)."""
        return self.root / "model.tar.gz"

    @property
    def record(self) -> Path:
        """How the job was and how it ended."""
        return self.root / "job.json"


def create(runs: Path, job: TrainingJob) -> RunTree:
    """Make the tree of *job* under *runs* and point ``runs/latest`` at it.

    Raises UsageError for a channel whose data are not there, ByocError where the folder cannot be written.
    """
    for channel in job.channels:
        _require_source(channel)
    tree = RunTree(runs / job.name)
    try:
        for folder in (tree.input / "config", tree.model, tree.output / "data", tree.checkpoints):
            folder.mkdir(parents=True)
        for name, text in config_files(job, job.hosts[0]).items():
            (tree.input / "config" / name).write_text(text, encoding="utf-8")
        (tree.input / "data").mkdir()
        for channel in job.channels:
            _make_mountpoint(tree, channel)
        _point_latest(tree)
    except OSError as error:
        raise ByocError(
            f"the folder of this run, {tree.root}, cannot be written",
            why=f"{error.strerror}: {error.filename}",
            fix="make room or change the owner of the folder; an earlier run as root leaves root's files",
            id="BYOC-E411",
        ) from error
    return tree


def _require_source(channel: Channel) -> None:
    if not Path(channel.source).exists():
        raise UsageError(
            f"channel {channel.name}: {channel.source} is not there",
            why="the data of a channel are a file or a folder of this machine, mounted read-only (CHN-01)",
            fix=f"correct [train] channels in byoc.toml, or give --channel {channel.name}=PATH",
            id="BYOC-E405",
        )


def _make_mountpoint(tree: RunTree, channel: Channel) -> None:
    """A read-only mount cannot get mountpoints from Docker: they must be there before."""
    point = tree.input / "data" / channel.name
    point.mkdir()
    if Path(channel.source).is_file():
        (point / channel.source.name).touch()


def _point_latest(tree: RunTree) -> None:
    """A convenience, so no reason to fail: a disk may know no links, a copied project has a folder there."""
    latest = tree.root.parent / "latest"
    fresh = latest.with_name(f".latest-{tree.root.name}")
    try:
        fresh.symlink_to(tree.root.name)
        fresh.replace(latest)
    except OSError:
        fresh.unlink(missing_ok=True)


def mounts(tree: RunTree, job: TrainingJob) -> tuple[Mount, ...]:
    """The tree as the container sees it; input is read-only, as an image must not write there (TRN-06)."""
    return (
        Mount(tree.input, ML / "input", read_only=True),
        *(_channel_mount(channel) for channel in job.channels),
        Mount(tree.model, ML / "model"),
        Mount(tree.output, ML / "output"),
        *([Mount(tree.checkpoints, ML / "checkpoints")] if job.checkpoints else []),
    )


def _channel_mount(channel: Channel) -> Mount:
    source, target = Path(channel.source), ML / "input/data" / channel.name
    return Mount(source, target / source.name if source.is_file() else target, read_only=True)


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
        if not tree.root.is_symlink() and content.get("status") == SUCCESS and any(tree.model.iterdir()):
            yield str(content.get("started")), tree


def _read_record(record: Path) -> Mapping[str, object]:
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
