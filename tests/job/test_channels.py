"""Channels as values: what goes together, who gets which objects, in which order, in which frames."""

import io
import json
from collections.abc import Mapping
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.errors import UsageError
from byoc_kit.job import recordio
from byoc_kit.job.batches import records
from byoc_kit.job.channels import check_channels, make_channel
from byoc_kit.job.files import config_files
from byoc_kit.job.objects import Reference, augmented, manifest, ordered, relocated, shard
from byoc_kit.job.s3 import S3Uri
from byoc_kit.job.types import Channel, TrainingJob, host_names, instance_groups

DATA = PurePath("/d")


def job(*channels: Channel, groups: bool = False) -> TrainingJob:
    made = instance_groups([("gpu", "ml.g5.xlarge", 2), ("data", "ml.c5.xlarge", 1)]) if groups else ()
    return TrainingJob(
        name="job", hyperparameters={}, channels=channels, hosts=host_names(3 if groups else 1), groups=made
    )


def test_settings_make_a_channel() -> None:
    said = {"mode": "Pipe", "wrapper": "RecordIO", "shuffle": "3", "groups": "a+b", "compression": "Gzip"}
    channel = make_channel("train", DATA, said)
    assert (channel.mode, channel.record_wrapper, channel.shuffle) == ("Pipe", "RecordIO", 3)
    assert (channel.groups, channel.compression, channel.read_only) == (("a", "b"), "Gzip", True)
    assert make_channel("train", DATA, {}) == Channel(name="train", source=DATA)


AUGMENTED = {"data": "AugmentedManifestFile", "attributes": "a-ref"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mode": "FastFile", "data": "ManifestFile"}, "streams an S3Prefix only"),
        ({**AUGMENTED, "mode": "File"}, "comes through mode Pipe with wrapper RecordIO"),
        ({**AUGMENTED, "mode": "Pipe"}, "comes through mode Pipe with wrapper RecordIO"),
        ({"mode": "Pipe", "wrapper": "RecordIO", "data": "AugmentedManifestFile"}, "needs attributes"),
        ({"attributes": "a"}, "attributes are those of an AugmentedManifestFile"),
        ({"compression": "Gzip"}, "compression Gzip is undone in mode Pipe only"),
        ({"mode": "FastFile", "access": "rw"}, "only a file system can be written to"),
        ({"groups": "gpu+cpu"}, "cpu is no instance group"),
    ],
)
def test_what_does_not_go_together_is_told(settings: Mapping[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_channels(job(make_channel("c", DATA, settings), groups=True))
    assert caught.value.id == "BYOC-E423"
    assert [said in line and line.startswith("channel c: ") for line in caught.value.details] == [True]


def test_all_that_does_not_go_together_is_told_at_once() -> None:
    bad = [make_channel(name, DATA, {"compression": "Gzip"}) for name in ("a", "b")]
    with pytest.raises(UsageError) as caught:
        check_channels(job(*bad))
    assert len(caught.value.details) == 2


def test_a_channel_of_a_group_is_only_there() -> None:
    """DIS-04: only the hosts of the group have it, also in their inputdataconfig.json."""
    made = job(make_channel("c", DATA, {"groups": "data"}), groups=True)
    assert made.hosts_of(made.channels[0]) == ("algo-3",)
    has = {host: json.loads(config_files(made, host)["inputdataconfig.json"]) for host in made.hosts}
    assert [list(each) for each in has.values()] == [[], [], ["c"]]


@given(st.lists(st.integers()), st.integers(1, 5))
def test_shards_are_disjoint_and_together_all(items: list[int], count: int) -> None:
    """CHN-07."""
    numbered = list(enumerate(items))
    hosts = host_names(count)
    dealt = [item for host in hosts for item in shard(numbered, hosts, host)]
    assert sorted(dealt) == numbered


def test_a_shard_may_be_empty() -> None:
    """CHN-07."""
    assert shard(["only"], host_names(2), "algo-2") == ()


def test_a_seed_makes_an_order_for_each_epoch_that_can_be_had_again() -> None:
    items = list(range(50))
    first, second = ordered(items, 7, 0), ordered(items, 7, 1)
    assert first == ordered(items, 7, 0)
    assert sorted(first) == sorted(second) == items == ordered(items, None, 1)
    assert len({tuple(first), tuple(second), tuple(items), tuple(ordered(items, 8, 0))}) == 4


@given(st.lists(st.binary(max_size=20)))
def test_framed_records_are_read_back(contents: list[bytes]) -> None:
    """CHN-04: magic, length, content, padding to four."""
    stream = b"".join(recordio.head(len(each)) + each + recordio.padding(len(each)) for each in contents)
    assert len(stream) % 4 == 0
    read = records(io.BytesIO(stream), "RecordIO", None)
    assert [record[8 : 8 + int.from_bytes(record[4:8], "little")] for record in read] == contents


def test_the_first_bytes_of_a_record_are_the_magic() -> None:
    assert recordio.head(5).hex() == "0a23d7ce" + "05000000"


def test_a_manifest_lists_objects_below_a_prefix() -> None:
    """CHN-06."""
    text = '[{"prefix": "s3://b/p/"}, "a.csv", "sub/b.csv"]'
    assert manifest(text, "m") == ("s3://b/p/", ("a.csv", "sub/b.csv"))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '["a"]',
        "[{}]",
        '[{"prefix": 1}]',
        '[{"prefix": "p"}, 2]',
        '[{"prefix": "p"}, "../x"]',
        "x",
    ],
)
def test_what_is_no_manifest_says_so(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        manifest(text, "m.json")
    assert caught.value.id == "BYOC-E424"
    assert "m.json" in caught.value.what


LINES = """{"image-ref": "s3://b/1.png", "label": 3, "name": "one"}

{"image-ref": "2.png", "label": [1], "name": ""}
"""


def test_of_an_augmented_manifest_the_attributes_alternate() -> None:
    """CHN-06."""
    assert list(augmented(LINES, ["image-ref", "label", "name"], "m")) == [
        (Reference("s3://b/1.png"), b"3", b"one"),
        (Reference("2.png"), b"[1]", b""),
    ]
    moved = relocated(LINES, ["image-ref", "label"], {"s3://b/1.png": "/d/1.png"})
    assert [line[0] for line in augmented(moved, ["image-ref"], "m")] == [
        Reference("/d/1.png"),
        Reference("2.png"),
    ]


@pytest.mark.parametrize(
    ("text", "why"), [("1", "no JSON object"), ("{", "no JSON object"), ("{}", "no member 'a'")]
)
def test_a_bad_line_of_an_augmented_manifest_is_told_by_number(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(augmented('{"a": 1}\n' + text, ["a"], "m"))
    assert "m:2 " in caught.value.what
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("uri", "key", "below"),
    [
        ("s3://b/train", "train/a.csv", "a.csv"),
        ("s3://b/train/", "train/sub/a.csv", "sub/a.csv"),
        ("s3://b/data/tr", "data/train/a.csv", "train/a.csv"),
        ("s3://b/data/a.csv", "data/a.csv", "a.csv"),
        ("s3://b", "x/a.csv", "x/a.csv"),
        ("s3://b/train", "train/sub/", None),
        ("s3://b/train", "test/a.csv", None),
    ],
)
def test_keys_keep_their_structure_below_the_prefix(uri: str, key: str, below: str | None) -> None:
    """CHN-01."""
    assert S3Uri.parse(uri).below(key) == below


@pytest.mark.parametrize("text", ["s3://", "s3:///key", "bucket/key"])
def test_what_is_no_address_in_s3_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        S3Uri.parse(text)
