"""What an image that nobody trusts prints and leaves is read without harm."""

import os
from pathlib import Path, PurePosixPath

from byoc_kit.contract.evidence import File
from byoc_kit.local.excerpt import CUT, MOST_FILES, PART, Excerpt, left_files

MODEL = PurePosixPath("/opt/ml/model")


def files(folder: Path) -> dict[str, File]:
    return {file.path.removeprefix("/opt/ml/model/"): file for file in left_files(folder, MODEL)}


def test_a_short_log_is_kept_whole() -> None:
    log = Excerpt()
    assert log.first is None
    log.feed(b"one\n")
    log.feed("zwei é".encode())
    log.finish()
    assert log.text == "one\nzwei é"
    assert log.first is not None


def test_of_a_long_log_the_beginning_and_the_end_are_kept() -> None:
    log = Excerpt()
    log.feed(b"begin")
    for _ in range(40):
        log.feed(b"x" * 10_000)
    log.feed(b"end")
    assert log.text.startswith("begin")
    assert log.text.endswith("xend")
    assert CUT in log.text
    assert len(log.text) == 2 * PART + len(CUT)


def test_a_log_of_just_the_room_is_not_cut() -> None:
    log = Excerpt()
    log.feed(b"a" * 2 * PART)
    assert log.text == "a" * 2 * PART


def test_files_are_told_as_the_container_saw_them(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/probe.json").write_text('{"é": 1}', encoding="utf-8")
    (tmp_path / "deep/probe.json").chmod(0o600)
    (tmp_path / "weights.json").write_text("[1]")
    found = files(tmp_path)
    assert found["deep"].kind == "dir"
    assert found["deep/probe.json"] == File(
        path="/opt/ml/model/deep/probe.json", size=9, mode=0o600, uid=os.getuid(), text='{"é": 1}'
    )
    assert found["weights.json"].text is None, "it is the user's own"


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("hunter2")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "failure").symlink_to(secret / "key")
    (folder / "folder").symlink_to(secret)
    found = files(folder)
    assert {name: (file.kind, file.text) for name, file in found.items()} == {
        "failure": ("symlink", None),
        "folder": ("symlink", None),
    }
    assert found["failure"].link == str(secret / "key")


def test_names_that_are_no_utf8_can_be_printed(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/gez\xe4hlt")).touch()
    assert list(files(tmp_path)) == ["gez\N{REPLACEMENT CHARACTER}hlt"]


def test_however_many_files_there_are_some_are_told(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 10):
        (tmp_path / str(number)).touch()
    assert len(files(tmp_path)) == MOST_FILES


def test_a_fifo_does_not_hold_the_reader_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "failure")
    assert files(tmp_path)["failure"].kind == "fifo"


def test_what_is_no_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes("gezählt".encode("latin-1"))
    (tmp_path / "failure").write_bytes(b"a" * (4 * 4096 - 1) + "é".encode())
    assert not files(tmp_path)["message"].utf8
    assert files(tmp_path)["failure"].utf8, "a character that the reading has cut is no fault of the file"
    assert len(files(tmp_path)["failure"].text or "") == 4096
