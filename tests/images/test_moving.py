"""Many at once: progress of each and of all, order of results, and an end to all when one fails."""

import threading
import time
from functools import partial

import pytest

from byoc_kit.images.moving import Meter, at_once
from byoc_kit.oci.image import Layer
from byoc_kit.talk import Silence
from rig.images import MemoryLayer, noise


class Told(Silence):
    """Remembers the last word about each transfer, and that no word was too much."""

    def __init__(self) -> None:
        self.last: dict[str, tuple[int, int | None]] = {}
        self.words = 0

    def progress(self, task: str, done: int, total: int | None) -> None:
        assert total is not None
        assert 0 <= done <= total
        self.last[task] = done, total
        self.words += 1


def content(layer: Layer) -> bytes:
    return b"".join(layer.read())


def late(place: int, seconds: float) -> int:
    time.sleep(seconds)
    return place


LAYERS = [MemoryLayer.of(noise(600_000, seed)) for seed in range(4)]
SIZES = [layer.descriptor.size for layer in LAYERS]


def test_each_blob_and_all_of_them_are_counted_to_their_end() -> None:
    told = Told()
    meter = Meter(told, "all", sum(SIZES))
    counted = [meter.of(layer) for layer in LAYERS]
    read = at_once([partial(content, layer) for layer in counted])
    assert read == [layer.blob for layer in LAYERS]
    assert told.last.pop("all") == (sum(SIZES), sum(SIZES))
    assert sorted(told.last.values()) == sorted((size, size) for size in SIZES)
    assert {name[:7] for name in told.last} == {"sha256:"}


def test_what_is_read_again_is_not_counted_twice() -> None:
    told = Told()
    meter = Meter(told, "all", SIZES[0])
    counted = meter.of(LAYERS[0])
    begun = counted.read()
    next(begun), next(begun)
    assert b"".join(counted.read()) == LAYERS[0].blob
    assert told.last["all"] == (SIZES[0], SIZES[0])


def test_words_are_few() -> None:
    told = Told()
    big = MemoryLayer.of(noise(20_000_000), plain=True)
    for _ in Meter(told, "all", big.descriptor.size).of(big).read():
        pass
    assert told.words < 40


def test_the_first_that_fails_ends_the_others() -> None:
    stopped = threading.Event()
    meter = Meter(Silence(), "all", sum(SIZES), stopped)
    begun = threading.Event()

    def fails() -> int:
        begun.wait(10)
        raise LookupError("first")

    def long(layer: Layer) -> int:
        for count, _ in enumerate(layer.read()):
            begun.set()
            time.sleep(0.05)
            assert count < 100
        return 0

    slow = meter.of(MemoryLayer.of(noise(100 << 18), plain=True))
    with pytest.raises(LookupError):
        at_once([fails, lambda: long(slow), lambda: 1, lambda: 2], jobs=2, stopped=stopped)
    assert stopped.is_set()


@pytest.mark.parametrize("jobs", [1, 2, 9])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_results_come_in_the_order_of_the_tasks(jobs: int, count: int) -> None:
    tasks = [partial(late, place, (count - place) / 2000) for place in range(count)]
    assert at_once(tasks, jobs=jobs) == list(range(count))
