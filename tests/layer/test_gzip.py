"""Gzip of many members: what a wheel deflated is copied, and every reader sees one stream."""

import gzip
import hashlib
import io
import random
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from byoc_kit.engines.layer.content import COPIED_FROM, Reader
from byoc_kit.engines.layer.entries import OLD, Entry, File, Inline, InWheel, Member, OnDisk
from byoc_kit.engines.layer.gzipwrite import Meter, gzip_members
from byoc_kit.engines.layer.tarwrite import Copied, tar_pieces
from byoc_kit.errors import ByocError
from layer.wheels import Made, sha256

RANDOM = random.Random(4)
LARGE = RANDOM.randbytes(COPIED_FROM // 2) + b"compresses well " * COPIED_FROM
SMALL = b"def f():\n    return 1\n" * 50


def entries(folder: Path, **contents: bytes) -> list[Entry]:
    wheel = Made("demo", files=contents).read(folder)
    return [
        File(each.name, 0o644, each.mtime, InWheel(wheel.path, wheel.sha256, each))
        for each in wheel.members
        if each.name in contents
    ]


def written(entries: list[Entry], *, copy: bool = True) -> tuple[bytes, Meter]:
    meter = Meter()
    with Reader(copy=copy) as reader:
        return b"".join(gzip_members(tar_pieces(entries, reader), meter)), meter


def members(data: bytes) -> int:
    return data.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")


def inflated(data: bytes) -> bytes:
    with gzip.open(io.BytesIO(data)) as stream:
        return stream.read()


def content(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(inflated(data))) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def test_large_members_are_copied_byte_for_byte(tmp_path: Path) -> None:
    (large,) = entries(tmp_path, large=LARGE)
    assert isinstance(large, File)
    assert isinstance(large.body, InWheel)
    with Reader() as reader:
        (copied,) = reader(large.body)
        assert isinstance(copied, Copied)
        deflated = b"".join(copied.deflated)
    data, _ = written([large])
    assert deflated in data
    assert deflated in large.body.wheel.read_bytes()


def test_members_are_few_and_all_is_there(tmp_path: Path) -> None:
    small = {f"small{number}": SMALL for number in range(200)}
    data, meter = written(entries(tmp_path, a=LARGE, **small, z=LARGE[::-1]))
    assert members(data) == 5  # before, between and after the two large ones
    assert content(data) == {"a": LARGE, **small, "z": LARGE[::-1]}
    tar = inflated(data)
    assert meter.diff_id == f"sha256:{hashlib.sha256(tar).hexdigest()}"
    assert meter.size == len(tar)


def test_other_readers_agree(tmp_path: Path) -> None:
    data, meter = written(entries(tmp_path, a=LARGE, b=SMALL))
    tar = subprocess.run(["gzip", "-dc"], input=data, capture_output=True, check=True).stdout
    assert f"sha256:{hashlib.sha256(tar).hexdigest()}" == meter.diff_id


def test_a_single_member_has_the_same_diff_id(tmp_path: Path) -> None:
    listed = entries(tmp_path, a=LARGE, b=SMALL)
    data, meter = written(listed, copy=False)
    assert members(data) == 1
    assert meter.diff_id == written(listed)[1].diff_id
    assert content(data) == {"a": LARGE, "b": SMALL}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("size", [0, 10, COPIED_FROM * 3])
def test_other_methods_of_compression(tmp_path: Path, method: int, size: int) -> None:
    path, data = tmp_path / "odd.whl", RANDOM.randbytes(size)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("odd", data)
        info = archive.getinfo("odd")
    member = Member("odd", info.header_offset, method, info.compress_size, size, info.CRC, OLD, False)
    out, _ = written([File("odd", 0o644, OLD, InWheel(path, "0" * 64, member))])
    assert content(out) == {"odd": data}


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1 << 18, (1 << 18) + 1])
def test_files_of_this_machine(tmp_path: Path, size: int) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(RANDOM.randbytes(size))
    data, _ = written([File("opt/model.bin", 0o600, OLD, OnDisk(path, size, sha256(path)))])
    assert content(data) == {"opt/model.bin": path.read_bytes()}


def test_a_file_that_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"before")
    body = OnDisk(path, 6, sha256(path))
    path.write_bytes(b"behind")
    with pytest.raises(ByocError, match=r"model.bin") as caught:
        written([File("m", 0o644, OLD, body)])
    assert caught.value.id == "BYOC-E327"


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("field", ["crc", "size"])
@pytest.mark.parametrize("name", ["large", "small"])
def test_a_member_that_is_not_what_the_directory_says_is_refused(
    tmp_path: Path, name: str, field: str, copy: bool
) -> None:
    (entry,) = entries(tmp_path, **{name: LARGE if name == "large" else SMALL})
    assert isinstance(entry, File)
    assert isinstance(entry.body, InWheel)
    right = entry.body.member
    values = {slot: getattr(right, slot) for slot in Member.__slots__}
    wrong = Member(**(values | {field: values[field] - 1}))
    lying = File("x", 0o644, OLD, InWheel(entry.body.wheel, entry.body.sha256, wrong))
    with pytest.raises(ByocError) as caught:
        written([lying], copy=copy)
    assert caught.value.id == "BYOC-E320"


@pytest.mark.parametrize("name", ["large", "small"])
def test_damaged_bytes_in_a_wheel_are_refused(tmp_path: Path, name: str) -> None:
    (entry,) = entries(tmp_path, **{name: LARGE if name == "large" else SMALL})
    assert isinstance(entry, File)
    assert isinstance(entry.body, InWheel)
    path = entry.body.wheel
    data = bytearray(path.read_bytes())
    data[entry.body.member.header + 45] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ByocError) as caught:
        written([entry])
    assert caught.value.id == "BYOC-E320"


def test_damage_in_a_large_member_that_is_only_stored_is_refused(tmp_path: Path) -> None:
    path, data = tmp_path / "odd.whl", RANDOM.randbytes(COPIED_FROM * 3)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("odd", data)
        info = archive.getinfo("odd")
    path.write_bytes(path.read_bytes().replace(data[:8], bytes(8)))
    member = Member("odd", info.header_offset, 0, info.compress_size, len(data), info.CRC, OLD, False)
    with pytest.raises(ByocError) as caught:
        written([File("odd", 0o644, OLD, InWheel(path, "0" * 64, member))])
    assert caught.value.id == "BYOC-E320"


def test_a_wheel_that_ends_early_is_refused(tmp_path: Path) -> None:
    (entry,) = entries(tmp_path, large=LARGE)
    assert isinstance(entry, File)
    assert isinstance(entry.body, InWheel)
    path = entry.body.wheel
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ByocError) as caught:
        written([entry])
    assert caught.value.id == "BYOC-E320"


WITHOUT_ISAL = """
import sys
sys.modules["isal"] = None
from byoc_kit.engines.layer.deflate import COMPRESSOR
from byoc_kit.engines.layer.entries import File, Inline
from byoc_kit.engines.layer.content import Reader
from byoc_kit.engines.layer.gzipwrite import Meter, gzip_members
from byoc_kit.engines.layer.tarwrite import tar_pieces
meter = Meter()
with Reader() as reader:
    pieces = tar_pieces([File("a", 0o644, 0, Inline(b"x" * 9999))], reader)
    sys.stdout.buffer.write(b"".join(gzip_members(pieces, meter)))
print(meter.diff_id, COMPRESSOR, file=sys.stderr)
"""


def test_without_isal_zlib_gives_the_same_tar() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_ISAL], capture_output=True, check=True)
    diff_id, compressor = done.stderr.decode().split(" ", 1)
    assert content(done.stdout) == {"a": b"x" * 9999}
    assert diff_id == written([File("a", 0o644, 0, Inline(b"x" * 9999))])[1].diff_id
    assert compressor.startswith("zlib")
