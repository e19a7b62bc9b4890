"""Files that a container wrote as root become the calling user's again (OUT-11)."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from byoc_kit.docker_helper import helper
from byoc_kit.talk import Silence, Talk

if TYPE_CHECKING:
    import docker

__all__ = ["empty", "give_back", "give_back_all", "give_to_root"]

WAYS = (
    ("chown", ("-R", "-h", "{owner}", "/given")),
    ("python3", ("-c", "import os\nfor d, s, f in os.walk('/given'):\n for n in ['.', *f, *s]:\n"
                       "  os.lchown(os.path.join(d, n), {user}, {group})")),
)  # fmt: skip
"""Programs that can change owners, tried in turn: an image need not have either."""


def give_back(client: "docker.DockerClient", image: str, folder: Path, talk: Talk) -> None:
    """Make everything below *folder* the caller's, with a helper container of *image* where that needs root.

    Where the image has no program for it, a warning tells the command that does it.
    """
    give_back_all(client, image, [folder], talk)


def give_back_all(client: "docker.DockerClient", image: str, folders: Sequence[Path], talk: Talk) -> None:
    """Do for several folders, with one helper container, what :func:`give_back` does for one."""
    if os.name == "nt" or not (foreign := [path for folder in folders for path in _foreign(folder)]):
        return
    user, group = _inside(client)
    for program, arguments in WAYS:
        words = [word.format(owner=f"{user}:{group}", user=user, group=group) for word in arguments]
        if _helped(client, image, folders, [program, *words]):
            return
    names = " ".join(str(folder) for folder in folders)
    talk.warn(
        f"{len(foreign)} files in {names} are not yours;"
        f" take them with: sudo chown -R $(id -u):$(id -g) {names}"
    )


def give_to_root(client: "docker.DockerClient", image: str, folders: Sequence[Path]) -> None:
    """Make everything below *folders* root's, as what the service mounts is (IMG-05); the caller's: no root.

    Where the image has no program for it, they stay as they are.
    """
    if not folders or os.geteuid() == 0 or _inside(client) == (0, 0):
        return
    for program, arguments in WAYS:
        words = [word.format(owner="0:0", user=0, group=0) for word in arguments]
        if _helped(client, image, folders, [program, *words]):
            return


def empty(client: "docker.DockerClient", image: str, folder: Path) -> None:
    """Remove all that containers have put into *folder*. Raises OSError for what may not be removed."""
    give_back(client, image, folder, Silence())
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _foreign(folder: Path) -> list[Path]:
    own = os.geteuid()
    return [path for path in (folder, *folder.rglob("*")) if path.lstat().st_uid != own]


def _inside(client: "docker.DockerClient") -> tuple[int, int]:
    """The caller's ids as a container sees them: a rootless engine shows the caller as root."""
    options: Sequence[str] = client.info().get("SecurityOptions") or ()
    rootless = any("rootless" in option for option in options)
    return (0, 0) if rootless else (os.geteuid(), os.getegid())


def _helped(client: "docker.DockerClient", image: str, folders: Sequence[Path], words: list[str]) -> bool:
    from docker.errors import DockerException
    from docker.types import Mount

    try:
        with helper(
            client,
            image,
            entrypoint=words[:1],
            command=words[1:],
            user="0:0",
            network_mode="none",
            mounts=[
                Mount(f"/given/{number}", str(folder), type="bind") for number, folder in enumerate(folders)
            ],
        ) as container:
            container.start()
            return bool(container.wait()["StatusCode"] == 0)
    except (DockerException, OSError):
        return False
