"""What several hosts left becomes one."""

import os
from pathlib import Path, PurePosixPath

from byoc_kit.local.merge import Clash, merge, share_checkpoints
from byoc_kit.local.tree import HostTree, RunTree
from byoc_kit.talk import Silence


class Ear(Silence):
    """A listener who remembers warnings."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, text: str) -> None:
        self.said.append(text)


def merged(tmp_path: Path, **files: dict[str, str]) -> tuple[RunTree, tuple[Clash, ...], list[str]]:
    """What becomes of the files of each host; a later host has written later."""
    tree, hosts, ear = RunTree(tmp_path), {}, Ear()
    for second, (name, content) in enumerate(files.items()):
        hosts[name] = HostTree(tmp_path / "hosts" / name)
        for path, text in content.items():
            file = hosts[name].root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            os.utime(file, (second, second))
    return tree, merge(tree, hosts, ear), ear.said


def test_files_of_all_hosts_come_together(tmp_path: Path) -> None:
    """OUT-02."""
    tree, clashes, said = merged(tmp_path, a={"model/x/1": "1"}, b={"model/x/2": "2", "output/data/3": "3"})
    found = {path.relative_to(tree.model).as_posix() for path in tree.model.rglob("*") if path.is_file()}
    assert found == {"x/1", "x/2"}
    assert (tree.output / "data/3").read_text() == "3"
    assert (clashes, said) == ((), [])


def test_of_files_with_one_name_the_first_is_kept_and_all_are_told(tmp_path: Path) -> None:
    """OUT-02."""
    tree, clashes, said = merged(
        tmp_path, a={"model/w": "a", "model/s": "s"}, b={"model/w": "b", "model/s": "s"}
    )
    assert (tree.model / "w").read_text() == "a"
    assert [(str(clash.path), clash.hosts, clash.same) for clash in clashes] == [
        ("model/s", ("a", "b"), True),
        ("model/w", ("a", "b"), False),
    ]
    assert said[1].startswith("model/w was written by a, b with different bytes")


def test_of_checkpoints_the_newest_is_kept(tmp_path: Path) -> None:
    """OUT-07: the last to be written to S3."""
    tree, clashes, _ = merged(tmp_path, a={"checkpoints/w": "old"}, b={"checkpoints/w": "new"})
    assert (tree.checkpoints / "w").read_text() == "new"
    assert [str(clash.path) for clash in clashes] == ["checkpoints/w"]


def test_links_stay_links_so_that_the_archive_refuses_them(tmp_path: Path) -> None:
    """OUT-08."""
    folder = tmp_path / "hosts/a/model"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to("nowhere")
    merge(RunTree(tmp_path), {"a": HostTree(tmp_path / "hosts/a")}, Silence())
    assert (tmp_path / "model/link").readlink() == Path("nowhere")


def test_many_clashes_are_counted(tmp_path: Path) -> None:
    files = {f"model/{number}": "x" for number in range(9)}
    _, clashes, said = merged(tmp_path, a=files, b=files)
    assert (len(clashes), len(said)) == (9, 6)
    assert said[-1] == "4 more files were written by several hosts (OUT-02)"
    assert clashes[0].path == PurePosixPath("model/0")


def test_each_host_finds_the_checkpoints_of_all(tmp_path: Path) -> None:
    """OUT-07: a spot restart puts back what S3 has."""
    tree, hosts = RunTree(tmp_path), {name: HostTree(tmp_path / "hosts" / name) for name in "ab"}
    for name, host in hosts.items():
        host.checkpoints.mkdir(parents=True)
        (host.checkpoints / name).write_text(name)
    for _ in range(2):
        share_checkpoints(tree, hosts)
    found = {name: sorted(path.name for path in host.checkpoints.iterdir()) for name, host in hosts.items()}
    assert found == {"a": ["a", "b"], "b": ["a", "b"]}
