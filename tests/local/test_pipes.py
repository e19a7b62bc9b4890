"""Mode Pipe without an engine: what a reader of the pipes gets, and when there are which."""

import gzip
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job import recordio
from byoc_kit.job.types import Channel, TrainingJob, host_names
from byoc_kit.local.pipes import Feed, feeding, feeds_of
from byoc_kit.local.tree import create
from byoc_kit.talk import Silence

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="FIFOs are fed on Linux only")


class Ear(Silence):
    """A listener who remembers warnings."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def warn(self, text: str) -> None:
        self.heard.append(text)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    for name, text in (("b", "bbbbb"), ("a", "aaa"), ("sub/c", "c")):
        (folder / name).write_text(text)
    return folder


def feed(tmp_path: Path, source: Path, *, hosts: int = 1, host: str = "algo-1", **settings: Any) -> Feed:
    channel = Channel(name="train", source=source, mode="Pipe", **settings)
    job = TrainingJob(name="job", hyperparameters={}, channels=(channel,), hosts=host_names(hosts))
    tree = create(tmp_path / "runs", job)
    (found,) = feeds_of(tree, job, host)
    return found


@contextmanager
def fed(given: Feed) -> Iterator[Feed]:
    """*given* while it is fed; afterwards nothing may be left."""
    before = threading.active_count()
    with feeding([given], Silence()):
        yield given
    assert list(given.folder.iterdir()) == []
    assert threading.active_count() == before


def read(given: Feed, epoch: int) -> bytes:
    """All of the pipe of *epoch*, which may not be there yet (CHN-03)."""
    end = time.monotonic() + 5
    while not given.pipe(epoch).exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    return given.pipe(epoch).read_bytes()


def test_each_epoch_has_a_pipe_with_all_objects_by_key(tmp_path: Path, data: Path) -> None:
    """CHN-03."""
    with fed(feed(tmp_path, data)) as given:
        assert given.pipe(0).name == "train_0"
        assert [read(given, epoch) for epoch in range(3)] == [b"aaabbbbbc"] * 3


def test_the_next_pipe_comes_late_and_the_old_one_goes(tmp_path: Path, data: Path) -> None:
    """CHN-03: a program has to wait for it, and opens each pipe once."""
    with fed(feed(tmp_path, data)) as given:
        assert given.pipe(0).is_fifo()
        assert not given.pipe(1).exists()
        read(given, 0)
        ended = time.monotonic()
        read(given, 1)
        assert time.monotonic() - ended > 0.1
        assert not given.pipe(0).exists()


def test_a_pipe_may_be_closed_early(tmp_path: Path) -> None:
    """CHN-03."""
    large = tmp_path / "large"
    large.write_bytes(b"x" * (8 << 20))
    ear = Ear()
    given = feed(tmp_path, large)
    with feeding([given], ear):
        with given.pipe(0).open("rb") as pipe:
            assert pipe.read(3) == b"xxx"
        assert len(read(given, 1)) == 8 << 20
    assert ear.heard == []


def test_a_pipe_that_nobody_opens_goes_too(tmp_path: Path, data: Path) -> None:
    with fed(feed(tmp_path, data)) as given:
        assert given.pipe(0).is_fifo()


def test_a_reader_that_stops_in_the_middle_holds_nobody_up(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * (8 << 20))
    with feeding([feed(tmp_path, large)], Silence()):
        pipe = os.open(next((tmp_path / "runs/job/input/data").glob("train_0")), os.O_RDONLY)
        os.read(pipe, 1)
        os.close(pipe)


def test_objects_are_framed_as_records(tmp_path: Path, data: Path) -> None:
    """CHN-04."""
    expected = b"".join(
        recordio.head(len(each)) + each + recordio.padding(len(each)) for each in (b"aaa", b"bbbbb", b"c")
    )
    with fed(feed(tmp_path, data, record_wrapper="RecordIO")) as given:
        assert read(given, 0) == expected


@pytest.mark.parametrize("wrapper", ["None", "RecordIO"])
def test_gzip_is_undone_on_the_way(tmp_path: Path, wrapper: str) -> None:
    """CHN-04."""
    source = tmp_path / "a.gz"
    source.write_bytes(gzip.compress(b"a" * 100_000))
    with fed(feed(tmp_path, source, compression="Gzip", record_wrapper=wrapper)) as given:
        assert read(given, 0)[8 * (wrapper == "RecordIO") :] == b"a" * 100_000


def test_a_seed_changes_the_order_from_epoch_to_epoch(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02}").write_text(f"{number:02}")
    with fed(feed(tmp_path, folder, shuffle=7)) as given:
        first, second = read(given, 0), read(given, 1)
    assert first != second
    assert sorted(first) == sorted(second)


def test_hosts_get_their_shards(tmp_path: Path, data: Path) -> None:
    """CHN-07; of one object the second host gets none, and reads an end at once."""
    with fed(feed(tmp_path, data, hosts=2, host="algo-2", distribution="ShardedByS3Key")) as given:
        assert read(given, 0) == b"bbbbb"
    with fed(
        feed(tmp_path / "2", data / "a", hosts=2, host="algo-2", distribution="ShardedByS3Key")
    ) as given:
        assert read(given, 0) == b""


def test_a_manifest_says_what_comes_in_which_order(tmp_path: Path, data: Path) -> None:
    """CHN-06."""
    listed = tmp_path / "m.json"
    listed.write_text('[{"prefix": "data"}, "sub/c", "a"]')
    with fed(feed(tmp_path, listed, data_type="ManifestFile")) as given:
        assert read(given, 0) == b"caaa"


def test_of_an_augmented_manifest_the_fields_alternate(tmp_path: Path, data: Path) -> None:
    """CHN-06."""
    listed = tmp_path / "m.jsonl"
    listed.write_text('{"x-ref": "data/a", "label": 1}\n{"x-ref": "data/b", "label": 22}\n')
    settings: dict[str, Any] = {"data_type": "AugmentedManifestFile", "attributes": ("x-ref", "label")}
    with fed(feed(tmp_path, listed, record_wrapper="RecordIO", **settings)) as given:
        stream = read(given, 0)
    expected = (b"aaa", b"1", b"bbbbb", b"22")
    assert stream == b"".join(
        recordio.head(len(each)) + each + recordio.padding(len(each)) for each in expected
    )


def test_what_a_manifest_names_must_be_there(tmp_path: Path) -> None:
    listed = tmp_path / "m.json"
    listed.write_text('[{"prefix": "."}, "none"]')
    with pytest.raises(UsageError) as caught:
        feed(tmp_path, listed, data_type="ManifestFile")
    assert caught.value.id == "BYOC-E424"


def test_a_record_has_an_end(tmp_path: Path) -> None:
    """CHN-04: three bits of the length are flags."""
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 29)
    with pytest.raises(UsageError) as caught:
        feed(tmp_path, large, record_wrapper="RecordIO")
    assert caught.value.id == "BYOC-E426"


def test_a_broken_archive_is_told(tmp_path: Path) -> None:
    ear = Ear()
    source = tmp_path / "a.gz"
    source.write_bytes(b"no gzip at all")
    given = feed(tmp_path, source, compression="Gzip")
    with feeding([given], ear):
        assert read(given, 0) == b""
        end = time.monotonic() + 5
        while not ear.heard and time.monotonic() < end:
            time.sleep(0.01)
    assert ear.heard[0].startswith("channel train: cut short: ")
