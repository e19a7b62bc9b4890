"""Whatever happened to a wheel's bytes: an error that a user can read, or a layer; never a traceback."""

import gzip
import io
import tarfile
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from byoc_kit.engines.layer.content import COPIED_FROM, Reader
from byoc_kit.engines.layer.entries import File
from byoc_kit.engines.layer.gzipwrite import Meter, gzip_members
from byoc_kit.engines.layer.place import Target, place
from byoc_kit.engines.layer.tarwrite import tar_pieces
from byoc_kit.engines.layer.wheel import read_wheel
from byoc_kit.errors import ByocError
from layer.wheels import EXECUTABLE, SCHEME, Made

WHEEL = Made(
    "demo",
    files={"demo/__init__.py": b"x = 1\n", "demo/large.txt": b"0123456789" * (COPIED_FROM // 5)},
    scripts="demo = demo:main",
)
TARGET = Target(scheme=SCHEME, executable=EXECUTABLE)


def whole() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return WHEEL.write(Path(folder)).read_bytes()


BYTES = whole()


def layer(path: Path) -> bytes:
    wheel = read_wheel(path, filename=WHEEL.filename, sha256="0" * 64)
    with Reader() as reader:
        placed = place(wheel, TARGET, lambda member: reader.small(wheel.path, member))
        files = [File(each.path[1:], each.mode, each.mtime, each.body) for each in placed]
        return b"".join(gzip_members(tar_pieces(files, reader), Meter()))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(BYTES) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(BYTES)) | st.just(len(BYTES)),
)
def test_a_damaged_wheel_gives_an_error_or_a_layer_that_can_be_read(
    damage: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(BYTES[:length])
    for position, value in damage:
        if position < length:
            data[position] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, WHEEL.filename)
        path.write_bytes(data)
        try:
            made = layer(path)
        except ByocError as error:
            assert error.id in {"BYOC-E320", "BYOC-E321"}  # noqa: PT017 - most damage leads here, not all
            return
    with gzip.open(io.BytesIO(made)) as stream, tarfile.open(fileobj=stream) as archive:
        assert [each for each in archive.getnames() if each.endswith("RECORD")]
