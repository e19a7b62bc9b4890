"""Extending a large base by three libraries: Docker's pull, build and push against the layer engine.

The base (Debian with Python, a CPU build of torch, scipy, pandas, compilers, and files that do not
compress, up to the size asked for) lies in a registry on this machine; transformers, lightgbm and
xgboost-cpu are added. Docker starts without the base, as a CI runner does; byoc starts with nothing, then
with a remembered inventory and a lock, then with everything warm. Each result goes to a repository that has
nothing. Goals, in times faster than Docker: 5, 10, 30.

Run: ``python benchmarks/extend.py [--gigabytes 8]``. Needs an engine; 15 minutes for 2.5 GB.
"""

import argparse
import contextlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import docker  # noqa: E402

from byoc_kit.engines.command import find_docker  # noqa: E402
from rig.bases import BOOKWORM, import_base  # noqa: E402
from rig.engine import engine  # noqa: E402
from rig.registry import registry  # noqa: E402

LIBRARIES = ("transformers", "lightgbm", "xgboost-cpu")
IN_BASE = ("torch==2.13.0", "scipy", "pandas")
FILLER = "byoc-bench-filler"
SPEC = """
[image]
name = "bench"
style = "basic"
base = "{base}"
targets = ["processing"]

[python]
requirements = [{requirements}]

[process]
program = "work.py"

[publish]
repository = "{repository}"
"""


@dataclass
class Bench:
    """One registry with the base in it, and what was measured."""

    client: docker.DockerClient
    host: str
    folder: Path
    base: str
    taken: dict[str, list[float]] = field(default_factory=dict)
    count: int = 0

    def measure(self, name: str, work: Callable[[], None]) -> None:
        """Add the seconds that *work* takes."""
        begun = time.perf_counter()
        work()
        self.taken.setdefault(name, []).append(time.perf_counter() - begun)

    def target(self) -> str:
        """A repository that has nothing: the registry forgets nothing by itself."""
        self.count += 1
        return f"{self.host}/bench/result-{self.count}"


def run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run *command*; what it prints. Its failure ends the benchmark, with its words."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def build(text: str, tag: str, context: Path) -> None:
    """``docker build`` with BuildKit and no cache, as on a runner that is new."""
    (context / "Dockerfile").write_text(textwrap.dedent(text))
    cli = find_docker()
    words = [cli.path, "buildx", "build", "--load"] if cli.buildx else [cli.path, "build"]
    command = [*words, "--no-cache", "--network", "host", "-q", "-t", tag, str(context)]
    run(*command, env={"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})


def make_base(client: docker.DockerClient, host: str, folder: Path, gigabytes: float) -> str:
    """The base, in the registry *host* and no longer in the engine."""
    plain, name = import_base(client, BOOKWORM), f"{host}/bench/base:1"
    wheels = folder / "wheels"
    wheels.mkdir()
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), IN_BASE[0])
    filler = max(0, round((gigabytes - 0.5) * 8))
    for number in range(filler):  # 125 MB each that cannot be compressed
        with (folder / f"{FILLER}-{number}").open("wb") as file:
            file.writelines(os.urandom(1 << 20) for _ in range(125))
    copies = "\n".join(f"COPY {FILLER}-{number} /opt/filler/" for number in range(filler))
    text = f"""\
    FROM {plain}
    RUN apt-get update -q && apt-get install -qy --no-install-recommends build-essential gfortran cmake \\
        && rm -rf /var/lib/apt/lists
    COPY wheels /tmp/wheels
    RUN python3 -m pip install --break-system-packages -q --no-cache-dir --find-links /tmp/wheels \\
        {" ".join(IN_BASE)} && rm -rf /tmp/wheels
    """
    (folder / "Dockerfile").write_text(textwrap.dedent(text) + copies + "\n")
    # The classic builder: BuildKit's cache would keep the layers, and Docker's pull would find them there.
    # Without its cache: it would name layers of an earlier run that are no longer there.
    client.images.build(path=str(folder), tag=name, rm=True, forcerm=True, nocache=True, network_mode="host")
    client.images.push(name)
    client.images.remove(name)
    for leftover in folder.glob(f"{FILLER}-*"):
        leftover.unlink()
    return name


def by_docker(bench: Bench) -> None:
    """What one would do without byoc: pull, build, push. The engine forgets all of it before and after."""
    target = bench.target()
    with tempfile.TemporaryDirectory(prefix="byoc-bench-") as folder:
        bench.client.images.pull(bench.base)
        text = f"""\
        FROM {bench.base}
        RUN python3 -m pip install --break-system-packages -q --no-cache-dir {" ".join(LIBRARIES)}
        """
        build(text, target, Path(folder))
        bench.client.images.push(target)
    bench.client.images.remove(target)
    bench.client.images.remove(bench.base)


@dataclass(frozen=True, slots=True)
class Project:
    """A byoc project with a cache of its own."""

    folder: Path
    cache: Path
    bench: Bench

    def build(self) -> None:
        """``byoc build --engine layer --output registry`` to a repository that has nothing yet."""
        toml = SPEC.format(
            base=self.bench.base,
            requirements=", ".join(f'"{name}"' for name in LIBRARIES),
            repository=self.bench.target(),
        )
        (self.folder / "byoc.toml").write_text(toml)
        (self.folder / "src").mkdir(exist_ok=True)
        (self.folder / "src" / "work.py").write_text("import transformers, lightgbm, xgboost\n")
        byoc = [sys.executable, "-m", "byoc_kit", "build", "--engine", "layer", "--output", "registry"]
        run(*byoc, cwd=self.folder, env={"BYOC_CACHE_DIR": str(self.cache)})

    def forget(self, *kinds: str) -> None:
        """Empty the cache, or only these kinds of it."""
        for path in [self.cache / kind for kind in kinds] if kinds else [self.cache]:
            shutil.rmtree(path, ignore_errors=True)
        if not kinds:
            (self.folder / "pylock.byoc.toml").unlink(missing_ok=True)


def measure(bench: Bench, project: Project) -> None:
    """Docker once, since a second time its cache of builds would hold the base's layers; byoc three times."""
    bench.measure("docker pull, build, push", lambda: by_docker(bench))
    for _ in range(3):
        project.forget()
        bench.measure("byoc, nothing warm", project.build)
        project.forget("wheels", "layers")
        bench.measure("byoc, inventory and lock warm", project.build)
        bench.measure("byoc, all warm", project.build)


def report(bench: Bench, size: int) -> None:
    """Medians and ratios, and the largest memory of any child."""
    docker_side = statistics.median(bench.taken["docker pull, build, push"])
    goals = {"nothing warm": 5, "inventory and lock warm": 10, "all warm": 30}
    print(f"base: {size / 1e9:.2f} GB compressed in the registry")
    print(f"docker pull, build, push: {docker_side:.1f} s")
    for name, goal in goals.items():
        median = statistics.median(bench.taken[f"byoc, {name}"])
        print(f"byoc, {name}: {median:.2f} s, {docker_side / median:.1f} times faster (goal: {goal})")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"largest child of this run (byoc or the docker CLI): {peak / 1000:.0f} MB (goal for byoc: 300)")


@contextlib.contextmanager
def prepared(gigabytes: float) -> Iterator[tuple[Bench, int]]:
    """A registry with the base, an engine without it."""
    with engine() as endpoint, tempfile.TemporaryDirectory(prefix="byoc-bench-") as name:
        os.environ["DOCKER_HOST"] = endpoint
        folder = Path(name)
        (folder / "registry").mkdir()
        (folder / "base").mkdir()
        client = docker.DockerClient(base_url=endpoint, timeout=1800)
        with contextlib.closing(client), registry(folder / "registry") as host:
            base = make_base(client, host, folder / "base", gigabytes)
            size = sum(path.stat().st_size for path in (folder / "registry").rglob("data") if path.is_file())
            yield Bench(client=client, host=host, folder=folder, base=base), size


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--gigabytes", type=float, default=2.5, help="compressed size of the base")
    given = arguments.parse_args()
    with prepared(given.gigabytes) as (bench, size):
        project = Project(bench.folder / "project", bench.folder / "cache", bench)
        project.folder.mkdir()
        measure(bench, project)
        report(bench, size)


if __name__ == "__main__":
    main()
