"""`make demo`: from nothing to a container that has trained a model and answered a request, in the open.

Says before it installs or starts anything on this machine, and asks a person (DEMO_INSTALL=1 answers yes;
without a terminal, on Debian as root, it goes ahead). What it starts it stops.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the rig of the tests knows how to come by an engine and a base

import docker  # noqa: E402
import uv  # noqa: E402
from docker.errors import DockerException, ImageNotFound  # noqa: E402

from byoc_kit.errors import ByocError  # noqa: E402
from byoc_kit.oci.reference import parse_location  # noqa: E402
from byoc_kit.work.images import open_image  # noqa: E402
from byoc_kit.work.init import DEFAULT_BASE  # noqa: E402
from rig.bases import BOOKWORM, import_base, imported, layout  # noqa: E402
from rig.engine import NEEDS, engine, find  # noqa: E402
from rig.machine import Missing, cache, debian_root, program  # noqa: E402
from rig.projects import edit  # noqa: E402
from rig.sdk import index_settings  # noqa: E402

FOLDER = Path(os.environ.get("DEMO_FOLDER") or ROOT / "demo")
PROJECT = FOLDER / "flowers"
RENDERED = FOLDER / "rendered"
LAYOUT = FOLDER / "image"
PLAIN = FOLDER / "flowers-basic"
"""The project that needs no engine to be built."""
HERE, THERE = (os.path.relpath(path, ROOT) for path in (PROJECT, PLAIN))


class Declined(Exception):  # noqa: N818 - an answer, not a fault
    """The person at the terminal does not want this done to the machine."""


def say(text: str = "") -> None:
    """One line for the person who watches, in order with what the programs print."""
    print(text, flush=True)


def agree(changes: list[str]) -> None:
    """Name *changes* to this machine, and ask if there is somebody to ask. Raises :class:`Declined`."""
    if not changes:
        return
    say("\nThis demo would now:")
    for change in changes:
        say(f"  - {change}")
    if os.environ.get("DEMO_INSTALL") == "1" or not sys.stdin.isatty():
        say("Going ahead." if debian_root() else "Trying.")
    elif input("Go ahead? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise Declined


@contextlib.contextmanager
def some_engine() -> Iterator[docker.DockerClient]:
    """A client of the engine that runs, or of one that runs for as long as the demo does."""
    if find(os.environ) is None and debian_root() and not os.environ.get("DOCKER_HOST"):
        install = f"install the packages {' '.join(NEEDS.values())} with apt-get"
        start = f"start a Docker engine of its own (data in {cache() / 'docker'}), and stop it at the end"
        agree([start] if program("dockerd") else [install, start])
    with engine() as endpoint:
        os.environ["DOCKER_HOST"] = endpoint
        with contextlib.closing(docker.DockerClient(base_url=endpoint, timeout=300)) as client:
            say(f"Docker engine: {client.version()['Version']} at {endpoint}")
            yield client


def choose_base(client: docker.DockerClient) -> str:
    """The scaffold's own base where it can be had, else Debian 12 made here by debootstrap."""
    try:
        client.images.get(DEFAULT_BASE)
    except ImageNotFound:
        try:
            say(f"Pulling the base {DEFAULT_BASE} ...")
            client.images.pull(DEFAULT_BASE, platform="linux/amd64")
        except DockerException as error:
            say(f"No: {str(error).splitlines()[0]}")
            return own_base(client)
    say(f"Base: {DEFAULT_BASE}, the default of `byoc init`")
    return DEFAULT_BASE


def own_base(client: docker.DockerClient) -> str:
    """A base that needs no registry."""
    if not imported(client, BOOKWORM) and debian_root():
        tools = [] if program("debootstrap") else ["install the package debootstrap with apt-get"]
        agree([*tools, f"make a Debian 12 base image with debootstrap (40 s, kept in {cache() / 'bases'})"])
    reference = import_base(client, BOOKWORM)
    say(f"Base: {reference} (Debian 12 with Python 3.11), because no registry with the default base answers")
    return reference


def byoc(*args: str, folder: Path = PROJECT, quiet: bool = False) -> str:
    """Show and run one command as a person would type it; what it says on stdout."""
    say(f"\n$ byoc {shlex.join(args)}")
    command = [sys.executable, "-m", "byoc_kit", *args]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.stdout.strip() and not quiet:
        say(done.stdout.rstrip())
    if done.returncode != 0:
        say(f"\nThe demo stops here: byoc {args[0]} ended with {done.returncode} and says why above.")
        sys.exit(1)
    return done.stdout


def scaffold(project: Path, *more: str) -> None:
    """A project in the folder *project*; one that is there from an earlier demo is used as it is."""
    name = os.path.relpath(project, ROOT)
    if (project / "byoc.toml").exists():
        say(f"\n{name} is there from an earlier demo and is used as it is (delete it to start anew).")
        return
    FOLDER.mkdir(exist_ok=True)
    byoc("init", name, *more, folder=ROOT)


def with_engine(client: docker.DockerClient) -> None:
    """The main job: scaffold, build, train, serve, predict."""
    base = choose_base(client)
    scaffold(PROJECT, "--style", "script-mode-1", "--base", base)
    edit(PROJECT / "byoc.toml", {"image": {"base": base}})
    if base != DEFAULT_BASE:
        say('(and [build] network = "host" in byoc.toml: packages come the way this machine gets them)')
        edit(PROJECT / "byoc.toml", {"build": {"network": "host"}})
    byoc("build")
    byoc("run", "train")
    prediction = byoc("run", "serve", "--invoke", "sample.csv", quiet=True).strip()
    flowers = (PROJECT / "sample.csv").read_text().split()
    say(f"\nThe request, sample.csv (sepal and petal sizes of {len(flowers)} irises): {'  '.join(flowers)}")
    say(f"The prediction: {prediction}")


AFTER_ENGINE = f"""
What happened: `byoc init` wrote a small project into {HERE}: a training script, an inference script,
data and byoc.toml. `byoc build` made one image of it. `byoc run train` started that image as a SageMaker
training job would, and kept the model; `byoc run serve` started the same image as an endpoint, with that
model, and sent one request. Nothing left this machine, and no container is left running.

Try next:
  . .venv/bin/activate && cd {HERE}
  byoc run train --hp trees=5 --live        # another value, and src/ as it is now, without a build
  byoc run serve                            # keep it up, and send requests of your own
  byoc render                               # the Dockerfile that was built
  byoc verify                               # the image against SageMaker's contract
  byoc init ../mine --style basic           # your own project; a folder that has code already is adopted
"""


def without_engine(why: str) -> None:
    """An image without containers: built by layers, judged by its files; the project's own tests."""
    say(f"\nNo container engine: {why}")
    say("An image can be built without one: byoc reads the base, and makes only the layers that it lacks.")
    scaffold(PLAIN, "--style", "basic")
    base = layer_base()
    if base is None:
        say("Here not: no registry with a base answers, and a base of Debian packages needs Debian and root.")
        shutil.rmtree(RENDERED, ignore_errors=True)
        byoc("render", "--out", f"../{RENDERED.name}", folder=PLAIN)
        say("(a Dockerfile and what it copies: plain `docker build` on another machine makes the same image)")
    else:
        edit(PLAIN / "byoc.toml", {"image": {"base": base}})
        byoc("build", "--engine", "layer", "--output", f"oci:../{LAYOUT.name}", folder=PLAIN)
        byoc("verify", f"oci:../{LAYOUT.name}", folder=PLAIN)
    own_tests()
    say(AFTER_LAYERS if base else AFTER_NOTHING)
    say(HOW_TO_GET_ONE)


def layer_base() -> str | None:
    """A base that needs no engine: the scaffold's own from its registry, else Debian 12 as an OCI layout."""
    try:
        say(f"Asking for the base {DEFAULT_BASE} ...")
        with open_image(parse_location(DEFAULT_BASE)):
            say(f"Base: {DEFAULT_BASE}, the default of `byoc init`")
            return DEFAULT_BASE
    except ByocError as error:
        say(f"No: {error.what}")
    if not debian_root():
        return None
    tools = [] if program("debootstrap") else ["install the package debootstrap with apt-get"]
    agree([*tools, f"make a Debian 12 base image with debootstrap (40 s, kept in {cache() / 'bases'})"])
    say("Base: Debian 12 with Python 3.11, as an OCI layout")
    return f"oci:{layout(BOOKWORM, FOLDER / 'base')}"


AFTER_LAYERS = f"""
What happened: the base was read, not run; the wheels that it lacks became one layer, the entry program and
the server another, your code the last. The image lies in {os.path.relpath(LAYOUT, ROOT)}, an OCI layout; its
config, its files and its PATH keep the part of SageMaker's contract that can be judged without running it.

To run it: on a machine with a Docker engine, in {THERE}
  byoc copy oci:../{LAYOUT.name} docker:flowers
  byoc run train docker:flowers
  byoc run serve docker:flowers --invoke sample.csv
To publish it: name a registry under [publish] in byoc.toml, and `byoc publish oci:../{LAYOUT.name}`."""

AFTER_NOTHING = f"""
What happened: a project is in {THERE}, what an image of it is built from is in
{os.path.relpath(RENDERED, ROOT)}, and its training and inference code has run in plain Python."""

HOW_TO_GET_ONE = """
Missing: a Docker engine, to train and serve in the image. How to get one:
  Debian, Ubuntu:  sudo apt-get install docker.io && sudo usermod -aG docker $USER   (then log in again)
  macOS, Windows:  install Docker Desktop, Colima or Rancher Desktop, and start it
  elsewhere:       point DOCKER_HOST to an engine that answers
Then run `make demo` again."""


def own_tests() -> None:
    """Train and predict outside of containers, by the tests that come with the project."""
    python = FOLDER / "python" / "bin" / "python"
    env = {**os.environ, **index_settings()}
    say("\nThe project's own tests: train a model, ask it, stop and resume, with this machine's Python")
    uv_ = [uv.find_uv_bin(), "--quiet"]
    commands: list[list[str]] = [
        [*uv_, "venv", "--clear", "--python", sys.executable, str(python.parents[1])],
        [*uv_, "pip", "install", f"--python={python}", "-r", "requirements.txt"],
        [str(python), "-m", "unittest", "discover", "-s", "tests"],
    ]
    for command in commands:
        if subprocess.run(command, cwd=PLAIN, env=env, check=False).returncode != 0:
            say("\nThe demo stops here: that did not work, and the reason is above.")
            sys.exit(1)


STOPPED = """
The Docker engine of this demo is stopped again, and what you try next needs one: `apt-get install docker.io`
where services are managed, or start `dockerd` yourself."""


def main() -> None:
    """Run the demo, with or without an engine."""
    lasting = find(os.environ) is not None
    signal.signal(signal.SIGTERM, _terminated)
    say("byoc: from nothing to a container that trains and serves as on SageMaker, on this machine.")
    try:
        with some_engine() as client:
            with_engine(client)
    except Missing as reason:
        without_engine(str(reason))
    except Declined:
        without_engine("you preferred nothing to be installed or started")
    else:
        say(AFTER_ENGINE if lasting else AFTER_ENGINE + STOPPED)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM unwinds, so that what was started is stopped."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
