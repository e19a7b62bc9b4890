"""model.tar.gz and the model folder of an endpoint."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.local import archive
from byoc_kit.local.models import prepare_model
from byoc_kit.talk import Silence


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "trained"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"w" * 1000)
    (folder / "sub/vocabulary.txt").write_text("a\nb\n")
    return folder


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_an_archive_has_no_folder_around_the_model_and_comes_back_the_same(
    tmp_path: Path, model: Path
) -> None:
    """INF-15."""
    size = archive.write(model, tmp_path / "model.tar.gz", Silence())
    assert size == (tmp_path / "model.tar.gz").stat().st_size
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        assert tar.getnames() == ["sub", "sub/vocabulary.txt", "weights.bin"]
    archive.unpack(tmp_path / "model.tar.gz", tmp_path / "again")
    assert archive.files(tmp_path / "again") == archive.files(model)


def test_a_file_with_two_names_is_packed_twice(tmp_path: Path, model: Path) -> None:
    """INF-15: no hard links."""
    os.link(model / "weights.bin", model / "same.bin")
    archive.write(model, tmp_path / "model.tar.gz", Silence())
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        assert not any(info.islnk() for info in tar)
        assert tar.getmember("weights.bin").size == tar.getmember("same.bin").size == 1000


def test_links_in_a_model_are_refused_by_name(tmp_path: Path, model: Path) -> None:
    """OUT-08."""
    (model / "latest").symlink_to("weights.bin")
    with pytest.raises(ByocError) as caught:
        archive.write(model, tmp_path / "model.tar.gz", Silence())
    assert caught.value.id == "BYOC-E409"
    assert caught.value.details == ("latest -> weights.bin",)


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (member("evil", tarfile.SYMTYPE, "/etc"), "evil is a link to /etc (INF-15)"),
        (member("evil", tarfile.LNKTYPE, "weights"), "evil is a link to weights (INF-15)"),
        (member("../evil"), "../evil leads out of the model's folder"),
        (member("/evil"), "/evil leads out of the model's folder"),
        (member("evil", tarfile.FIFOTYPE), "evil is neither a file nor a folder"),
    ],
)
def test_a_bad_archive_says_what_is_bad(tmp_path: Path, info: tarfile.TarInfo, why: str) -> None:
    bad = packed(tmp_path / "model.tar.gz", (info, b""))
    with pytest.raises(ByocError) as caught:
        archive.unpack(bad, tmp_path / "out")
    assert caught.value.why == why
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"no gzip", b"\x1f\x8b\x08\x00 broken"])
def test_what_is_no_archive_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.tar.gz").write_bytes(content)
    with pytest.raises(ByocError, match="is not a model archive") as caught:
        archive.unpack(tmp_path / "model.tar.gz", tmp_path / "out")
    assert "cannot be read as a gzipped tar" in caught.value.why


def test_a_folder_without_code_is_mounted_as_it_is(tmp_path: Path, model: Path) -> None:
    assert prepare_model(model, code=None, scratch=tmp_path / "scratch") == model
    assert prepare_model(None, code=None, scratch=tmp_path / "scratch") is None
    assert not (tmp_path / "scratch").exists()


def test_an_archive_is_unpacked(tmp_path: Path, model: Path) -> None:
    archive.write(model, tmp_path / "model.tar.gz", Silence())
    folder = prepare_model(tmp_path / "model.tar.gz", code=None, scratch=tmp_path / "scratch")
    assert folder is not None
    assert archive.files(folder) == archive.files(model)


def test_code_goes_beside_the_model_and_the_model_stays_as_it_was(tmp_path: Path, model: Path) -> None:
    """STK-04."""
    (model / "code").mkdir()
    (model / "code/old.py").write_text("old")
    code = tmp_path / "src"
    (code / "__pycache__").mkdir(parents=True)
    (code / "__pycache__/inference.cpython-311.pyc").write_bytes(b"")
    (code / "inference.py").write_text("new")
    folder = prepare_model(model, code=code, scratch=tmp_path / "scratch")
    assert folder is not None
    assert [str(file.path) for file in archive.files(folder)] == [
        "code/inference.py",
        "sub/vocabulary.txt",
        "weights.bin",
    ]
    assert (model / "code/old.py").read_text() == "old"


def test_code_alone_makes_a_model_folder(tmp_path: Path) -> None:
    code = tmp_path / "src"
    code.mkdir()
    (code / "inference.py").write_text("new")
    folder = prepare_model(None, code=code, scratch=tmp_path / "scratch")
    assert folder is not None
    assert (folder / "code/inference.py").is_file()


def test_a_model_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        prepare_model(tmp_path / "none", code=None, scratch=tmp_path / "scratch")
    assert caught.value.id == "BYOC-E419"
