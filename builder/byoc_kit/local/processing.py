"""The folder of one processing job, and what becomes of it (clauses PRC-03 to PRC-07).

::

    runs/<id>/config/*.json      mounted at /opt/ml/config
              copies/<input>/    inputs that the container may change, and shares of sharded ones
              output/<name>/     written by the container
              exit/message       the container's last words, from /opt/ml/output
              job.json  log      written by byoc

Of several hosts each has such a folder, ``runs/<id>/hosts/<host>``; ``output/`` is what all left, merged.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.job.container import Mount
from byoc_kit.job.outcome import ContainerError
from byoc_kit.job.processing import ProcessingInput, ProcessingJob, processing_config_files
from byoc_kit.local.training import Trained
from byoc_kit.local.tree import RunTree, point_latest
from byoc_kit.talk import Talk

__all__ = ["ProcessTree", "check_end", "create", "message_of", "mounts", "outputs_of"]

ML = PurePosixPath("/opt/ml")
MESSAGE_BYTES = 1024  # of /opt/ml/output/message that become ExitMessage (PRC-07)


@dataclass(frozen=True, slots=True)
class ProcessTree(RunTree):
    """Where the parts of one processing job, or of one of its hosts, are on this machine."""

    @property
    def config(self) -> Path:
        """Mounted at /opt/ml/config (PRC-04)."""
        return self.root / "config"

    @property
    def copies(self) -> Path:
        """Of inputs that the container may change."""
        return self.root / "copies"

    @property
    def exit(self) -> Path:
        """Mounted at /opt/ml/output (PRC-07)."""
        return self.root / "exit"

    def of(self, host: str, job: ProcessingJob) -> "ProcessTree":
        """The folders of *host*; of a single host, the job's own."""
        return self if len(job.hosts) == 1 else ProcessTree(self.root / "hosts" / host)


def create(runs: Path, job: ProcessingJob) -> ProcessTree:
    """Make the folders of *job* under *runs* and point ``runs/latest`` at them.

    Raises UsageError for an input whose data are not there, ByocError where the folder cannot be written.
    """
    for given in job.inputs:
        _require_source(given)
    tree = ProcessTree(runs / job.name)
    try:
        for output in job.outputs:
            (tree.output / output.name).mkdir(parents=True)
        for host in job.hosts:
            _create_host(tree.of(host, job), job, host)
        point_latest(tree)
    except OSError as error:
        raise ByocError(
            f"the folder of this run, {tree.root}, cannot be written",
            why=f"{error.strerror}: {error.filename}",
            fix="make room or change the owner of the folder; an earlier run as root leaves root's files",
            id="BYOC-E411",
        ) from error
    return tree


def _require_source(given: ProcessingInput) -> None:
    if not Path(given.source).exists():
        raise UsageError(
            f"input {given.name}: {given.source} is not there",
            why="the data of an input are a file or a folder of this machine",
            fix=f"correct [process] inputs in byoc.toml, or give --input {given.name}=PATH",
            id="BYOC-E442",
        )


def _create_host(tree: ProcessTree, job: ProcessingJob, host: str) -> None:
    for folder in (tree.config, tree.exit, *(tree.output / output.name for output in job.outputs)):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in processing_config_files(job, host).items():
        (tree.config / name).write_text(text, encoding="utf-8")
    for given in job.inputs:
        if _is_copied(given, job):
            _copy(given, tree.copies / given.name, _share(given, job, host))


def _is_copied(given: ProcessingInput, job: ProcessingJob) -> bool:
    """Whether the container gets files of its own: to change, to find other inputs among, or only some."""
    others = (*(other.target for other in job.inputs), *(other.target for other in job.outputs))
    nested = any(given.target in target.parents for target in others)
    return given.writable or nested or (given.distribution == "ShardedByS3Key" and len(job.hosts) > 1)


def _share(given: ProcessingInput, job: ProcessingJob, host: str) -> set[Path] | None:
    """The files that *host* gets of a sharded input, dealt out in the order of their names; None: all."""
    source = Path(given.source)
    if given.distribution != "ShardedByS3Key" or len(job.hosts) == 1:
        return None
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    return set(files[job.hosts.index(host) :: len(job.hosts)])


def _copy(given: ProcessingInput, target: Path, share: set[Path] | None) -> None:
    source = Path(given.source)
    target.mkdir(parents=True)
    files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
    for file in files:
        if share is None or file in share:
            copied = target / (file.name if file == source else file.relative_to(source))
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copied)


def mounts(tree: ProcessTree, job: ProcessingJob, host: str) -> tuple[Mount, ...]:
    """What the container of *host* sees; the data of inputs that are not copied are read-only."""
    own = tree.of(host, job)
    return (
        Mount(own.config, ML / "config", read_only=True),
        *(_input_mount(given, own, job) for given in job.inputs),
        *(Mount(own.output / output.name, output.target) for output in job.outputs),
        Mount(own.exit, ML / "output"),
    )


def _input_mount(given: ProcessingInput, own: ProcessTree, job: ProcessingJob) -> Mount:
    if _is_copied(given, job):
        return Mount(own.copies / given.name, given.target)
    source = Path(given.source)
    return Mount(source, given.target / source.name if source.is_file() else given.target, read_only=True)


def message_of(tree: ProcessTree) -> str:
    """What DescribeProcessingJob would show as ExitMessage (PRC-07). Raises ByocError if it is not UTF-8."""
    file = tree.exit / "message"
    if not file.is_file():
        return ""
    content = file.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise ByocError(
            "the container wrote /opt/ml/output/message, and it is not UTF-8",
            why=f"the service fails such a job with a ClientError (PRC-07): {error.reason}",
            fix="write text there, encoded as UTF-8",
            id="BYOC-E445",
            details=[f"message: {file}"],
        ) from error
    return content[:MESSAGE_BYTES].decode(errors="ignore")


def check_end(trained: Trained, tree: ProcessTree, said: str, *, limit: float) -> None:
    """Raise ByocError if the job is not ``Completed`` (PRC-03); *said* is its exit message."""
    where = [f"run: {tree.root}", f"log: {tree.log}"]
    if trained.out_of_time:
        raise ByocError(
            f"the processing job was stopped after {limit:.0f} s",
            why="that is its time limit (StoppingCondition.MaxRuntimeInSeconds, --time-limit)",
            fix="give it more time, or let it do less; what it had written is in the run's folder",
            id="BYOC-E444",
            details=where,
        )
    if trained.ended.code != 0:
        on = f" on {trained.host}" if len(trained.exits) > 1 else ""
        raise ContainerError(
            f"processing failed{on}: the container ended with exit code {trained.ended.code}",
            ended=trained.ended,
            id="BYOC-E443",
            failure=said,
            details=[*(said.splitlines() or _last_words(tree)), *where],
        )


def _last_words(tree: ProcessTree) -> list[str]:
    lines = tree.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [f"log: {line}" for line in lines[-10:]]


def outputs_of(tree: ProcessTree, job: ProcessingJob, talk: Talk) -> Mapping[str, Mapping[str, int]]:
    """Output to its files, each with its size in bytes; told is what would not be uploaded (PRC-05)."""
    found = {output.name: dict(_files(tree.output / output.name)) for output in job.outputs}
    for name, files in found.items():
        links = [path for path in (tree.output / name).rglob("*") if path.is_symlink()]
        if links:
            talk.warn(f"output {name} holds {len(links)} symbolic links, which are not uploaded (PRC-05)")
        if not files:
            target = next(output.target for output in job.outputs if output.name == name)
            talk.warn(f"the job left nothing in the output {name}: {target} is empty")
    return found


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path.stat().st_size
