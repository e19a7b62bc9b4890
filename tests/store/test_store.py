"""The store: whole or nothing, by digest, used by several at once, below its cap."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.oci.digest import Digest, measure
from byoc_kit.store import Store

OTHER = Digest("sha256:" + "0" * 64)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def files(store: Store) -> list[str]:
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_what_was_put_is_found_by_its_digest(store: Store) -> None:
    expected = measure([b"whole"])[0]
    assert store.blob("layers", expected) is None
    digest, path = store.put_blob("layers", [b"who", b"le"], expected)
    assert (digest, path.read_bytes()) == (expected, b"whole")
    assert store.blob("layers", digest) == path
    assert store.blob("wheels", digest) is None
    assert path.relative_to(store.root) == Path("layers/sha256", digest[7:9], digest[7:])


def test_bytes_that_were_not_expected_are_not_kept(store: Store) -> None:
    with pytest.raises(ByocError) as caught:
        store.put_blob("wheels", [b"exchanged"], OTHER)
    assert caught.value.id == "BYOC-E504"
    assert measure([b"exchanged"])[0] in caught.value.why
    assert files(store) == []


def test_a_source_that_breaks_off_leaves_nothing_and_its_error_passes(store: Store) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        store.put_blob("layers", chunks())
    assert files(store) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "cache")
    with pytest.raises(ByocError) as caught:
        store.put_blob("layers", [b"x"])
    assert caught.value.id == "BYOC-E520"
    store.write("inventory", "key", {"a": 1})
    assert store.read("inventory", "key") is None


def test_the_least_recently_used_go_first(store: Store) -> None:
    paths = [store.put_blob("layers", [bytes([n]) * 100])[1] for n in range(4)]
    for place, path in enumerate(paths):
        age(path, 10_000 - place)
    assert store.blob("layers", Digest(f"sha256:{paths[0].name}"))  # now the youngest
    assert store.prune(250) == 200
    assert [path.exists() for path in paths] == [True, False, False, True]


def test_what_is_in_use_is_not_pruned(store: Store) -> None:
    _, path = store.put_blob("layers", [b"in use"])
    assert store.prune() == 0
    assert path.exists()
    assert store.prune(idle=-1) == 6


def test_the_cap_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path, cap=2_000)
    for number in range(200):
        _, path = store.put_blob("layers", [str(number).encode() * 20])
        age(path, 5_000 - number)
    assert sum(path.stat().st_size for path in store.root.rglob("*") if path.is_file()) < 4_000
    assert path.exists()


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(store: Store) -> None:
    (store.root / "new").mkdir(parents=True)
    old, young = store.root / "new" / "old", store.root / "new" / "young"
    for path in (old, young):
        path.write_text("half")
    age(old, 100_000)
    store.prune()
    assert (old.exists(), young.exists()) == (False, True)


def test_a_lock_is_held_by_one_and_ends_with_its_process(store: Store) -> None:
    program = (
        "import sys, time; from pathlib import Path; from byoc_kit.store import Store\n"
        "with Store(Path(sys.argv[1])).lock('wheel'):\n    print('held', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(store.root)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process, store.lock("another"):
        assert process.stdout.readline() == b"held\n"
        got = threading.Event()
        waiting = threading.Thread(target=lambda: _take(store, got))
        waiting.start()
        assert not got.wait(0.2)
        process.kill()
        assert got.wait(10)
        waiting.join()


def _take(store: Store, got: threading.Event) -> None:
    with store.lock("wheel"):
        got.set()
