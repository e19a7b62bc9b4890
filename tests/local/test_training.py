"""Decisions of a training run that need no engine: which end comes first, what a bad stop is."""

import os
from pathlib import Path

import pytest

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.job.outcome import Exit
from byoc_kit.local.resume import find_checkpoints, restore
from byoc_kit.local.training import Times, Trained, require_success
from byoc_kit.local.tree import RunTree


def test_the_first_end_counts() -> None:
    assert Times(limit=10).first == (10, "limit")
    assert Times(limit=10, stop_after=5).first == (5, "stop")
    assert Times(limit=10, stop_after=5, interrupt_after=2).first == (2, "interruption")
    assert Times(limit=1, stop_after=5, interrupt_after=2).first == (1, "limit")


def test_after_an_interruption_the_clock_goes_on() -> None:
    """TRN-07: the limit is that of the job, not of its last start."""
    left = Times(limit=10, stop_after=5, interrupt_after=2).after_interruption(2)
    assert (left.limit, left.stop_after, left.interrupt_after) == (8, 3, None)


def test_a_stop_that_needs_a_kill_is_an_error_that_names_the_host(tmp_path: Path) -> None:
    """SIG-01, SIG-02."""
    exits = {"algo-1": Exit(143), "algo-2": Exit(137)}
    stopped = Trained(exits=exits, host="algo-1", seconds=1, cause="stop")
    with pytest.raises(ByocError) as caught:
        require_success(stopped, RunTree(tmp_path), limit=9)
    assert caught.value.id == "BYOC-E428"
    assert caught.value.what.startswith("algo-2 did not end within 120 s of SIGTERM")
    require_success(
        Trained(exits={"algo-1": Exit(143)}, host="algo-1", seconds=1, cause="stop"),
        RunTree(tmp_path),
        limit=9,
    )


def run(runs: Path, name: str, second: int, *files: str) -> RunTree:
    tree = RunTree(runs / name)
    tree.checkpoints.mkdir(parents=True)
    for file in files:
        (tree.checkpoints / file).write_text(name)
    tree.record.write_text("{}")
    os.utime(tree.root, (second, second))
    return tree


def test_latest_is_the_newest_run_with_checkpoints(tmp_path: Path) -> None:
    """OUT-07."""
    newest = run(tmp_path, "a", 2, "one")
    run(tmp_path, "b", 1, "one")
    run(tmp_path, "c", 3)
    assert find_checkpoints(tmp_path, "latest") == newest.checkpoints
    assert find_checkpoints(tmp_path, "b") == tmp_path / "b/checkpoints"
    assert find_checkpoints(tmp_path, str(newest.checkpoints)) == newest.checkpoints
    with pytest.raises(UsageError):
        find_checkpoints(tmp_path, "c")


def test_checkpoints_are_copied_for_the_earlier_run_keeps_its_own(tmp_path: Path) -> None:
    old, new = run(tmp_path, "old", 1, "one", "two"), run(tmp_path, "new", 2)
    assert restore(old.checkpoints, [new]) == 2
    (new.checkpoints / "one").write_text("changed")
    assert (old.checkpoints / "one").read_text() == "old"
