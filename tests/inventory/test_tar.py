"""The walker of tars and the inflater, against Python's own, and against what no layer may be."""

import contextlib
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.inventory.layer import read_layer
from byoc_kit.oci.inflate import PIECE, InflateError, inflated
from byoc_kit.oci.tar import Member, TarError, clean, walk
from inventory.made import folder, link, tar, text

LONG = "usr/lib/" + "very-long-name-of-a-folder/" * 9 + "file.py"
ENTRIES = [
    folder("usr/"),
    text("usr/a", "x" * 513),
    text(LONG, "long"),
    text("usr/ümläut-名前", "unicode"),
    text("usr/large-owner", "o", uid=3_000_000, gid=4_000_000_000),
    text("usr/setuid", "s", mode=0o4755),
    link("usr/link", "../" * 60 + "target"),
    link("usr/hard", "usr/a", tarfile.LNKTYPE),
    text("usr/empty"),
    text("usr/block", "b" * 512),
]


def cut(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def everything(data: bytes, size: int = 1 << 16) -> list[Member]:
    return list(walk(cut(data, size), lambda path, length: True))


def as_python_reads(data: bytes) -> list[tuple[object, ...]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [
            (
                each.name.rstrip("/"),
                each.mode,
                each.uid,
                each.gid,
                each.size if each.isreg() else 0,
                int(each.mtime),
                each.linkname,
                found.read() if each.isreg() and (found := archive.extractfile(each)) else None,
            )
            for each in archive
        ]


def as_we_read(data: bytes, size: int) -> list[tuple[object, ...]]:
    return [
        (m.name.decode(), m.mode, m.uid, m.gid, m.size, m.mtime, m.link.decode(), m.data)
        for m in everything(data, size)
    ]


@pytest.mark.parametrize("size", [1, 511, 512, 513, 1 << 20])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_reads_what_python_reads(form: int, size: int) -> None:
    data = tar(ENTRIES, form)
    assert as_we_read(data, size) == as_python_reads(data)


def test_ustar_splits_long_names_in_two() -> None:
    name = "a" * 90 + "/" + "b" * 90
    assert [m.name for m in everything(tar([text(name, "x")], tarfile.USTAR_FORMAT))] == [name.encode()]


@given(
    st.lists(
        st.tuples(st.text("abc/ü", min_size=1, max_size=300), st.binary(max_size=1500)),
        max_size=8,
    ),
    st.integers(1, 3000),
)
def test_any_files_come_out_as_they_went_in(files: list[tuple[str, bytes]], size: int) -> None:
    named = [(f"f{name}x", data) for name, data in files]
    found = everything(tar([text(name, data) for name, data in named]), size)
    assert [(m.name, m.data) for m in found] == [(clean(name.encode()), data) for name, data in named]


def test_reads_only_what_is_asked_for() -> None:
    found = list(walk([tar(ENTRIES)], lambda path, size: path == b"usr/block"))
    assert [m.name for m in found if m.data is not None] == [b"usr/block"]


def test_reads_to_the_end_of_the_stream() -> None:
    chunks = iter([tar([text("a")]), bytes(10240), b"after"])
    assert [m.name for m in walk(chunks, lambda path, size: False)] == [b"a"]
    assert next(chunks, None) is None


def test_an_archive_without_its_end_is_enough() -> None:
    assert [m.name for m in everything(tar([text("a", "x")])[:1024])] == [b"a"]


def test_headers_from_before_posix_are_known_by_their_checksum() -> None:
    header = bytearray(tar([text("old/", "")])[:512])
    header[156:157] = b"\0"
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert [(m.name, m.kind) for m in everything(bytes(header) + bytes(1024))] == [(b"old", b"5")]
    header[0:3] = b"new"
    with pytest.raises(TarError, match="damaged"):
        everything(bytes(header) + bytes(1024))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"./usr//bin/./x/", b"usr/bin/x"),
        (b"/abs", b"abs"),
        (b"./", b""),
        (b"usr/../bin", b"bin"),
        (b".hidden/..data", b".hidden/..data"),
        (b"a/.wh.b", b"a/.wh.b"),
    ],
)
def test_names_are_relative_to_the_root(written: bytes, read: bytes) -> None:
    assert clean(written) == read


def sparse() -> bytes:
    info = tarfile.TarInfo("s")
    info.type = tarfile.GNUTYPE_SPARSE
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def pax_sparse() -> bytes:
    info = tarfile.TarInfo("s")
    info.pax_headers = {"GNU.sparse.major": "1"}
    return info.tobuf(tarfile.PAX_FORMAT) + bytes(1024)


def negative() -> bytes:
    info = tarfile.TarInfo("s")
    data = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    data[124:136] = b"\xff" * 12
    return bytes(data) + bytes(1024)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (tar([text("../etc/passwd", "x")]), "leaves the root"),
        (tar([text("a", "x" * 2000)])[:1500], "in the middle of a file"),
        (tar([text("a", "x" * 2000)])[:700], "in the middle of a file"),
        (b"\x7fELF" + bytes(range(256)) * 4, "no"),
        (sparse(), "sparse"),
        (pax_sparse(), "sparse"),
        (negative(), "a file of -1 bytes"),
        (tar([text("a")])[:512] + bytes(512) + tar([text("b")]), "follow the end"),
    ],
    ids=["escape", "short", "shorter", "rubbish", "sparse", "pax-sparse", "negative", "two-archives"],
)
def test_refuses_what_is_no_layer(data: bytes, why: str) -> None:
    with pytest.raises(TarError, match=why):
        list(walk([data], lambda path, size: False))


@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), max_size=4), st.integers(0, 12_000))
def test_damage_ends_in_an_error_or_in_entries(flips: list[tuple[int, int]], length: int) -> None:
    data = bytearray(tar(ENTRIES)[:length])
    for position, value in flips:
        if position < len(data):
            data[position] = value
    with contextlib.suppress(TarError):
        read_layer([bytes(data)])


def test_a_path_that_linux_cannot_open_is_refused() -> None:
    with pytest.raises(TarError, match="5000 bytes"):
        everything(tar([text("a/" * 2499 + "ab")]))


PLAIN = tar(ENTRIES)


@pytest.mark.parametrize("size", [1, 3, 100, 1 << 20])
@pytest.mark.parametrize(
    "blob",
    [
        PLAIN,
        gzip.compress(PLAIN),
        gzip.compress(PLAIN[:700]) + gzip.compress(PLAIN[700:]),
        gzip.compress(PLAIN) + bytes(600),
        gzip.compress(b"") + gzip.compress(PLAIN),
    ],
    ids=["plain", "gzip", "members", "padded", "empty-member"],
)
def test_inflates(blob: bytes, size: int) -> None:
    assert b"".join(inflated(cut(blob, size))) == PLAIN


def test_inflates_a_bounded_piece_at_a_time() -> None:
    bomb = gzip.compress(bytes(10 * PIECE))
    sizes = [len(piece) for piece in inflated([bomb])]
    assert sum(sizes) == 10 * PIECE
    assert max(sizes) <= PIECE


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (gzip.compress(PLAIN)[:-9], "ends in the middle"),
        (gzip.compress(PLAIN) + b"rubbish" * 9, "not what gzip wrote"),
        (gzip.compress(PLAIN)[:200] + b"\xff" * 200, "not what gzip wrote"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "zstd"),
    ],
)
def test_says_what_cannot_be_inflated(blob: bytes, why: str) -> None:
    with pytest.raises(InflateError, match=why):
        list(inflated([blob]))


def test_checks_what_gzip_says_of_its_content() -> None:
    blob = bytearray(gzip.compress(PLAIN))
    blob[-8:-4] = (zlib.crc32(PLAIN) ^ 1).to_bytes(4, "little")
    with pytest.raises(InflateError):
        list(inflated([bytes(blob)]))
