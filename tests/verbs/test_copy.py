"""byoc copy: what it prints, what it refuses, and what is left when it is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from byoc_kit.images.sink import open_sink
from byoc_kit.images.source import open_image
from byoc_kit.oci.image import Image
from byoc_kit.oci.reference import parse_location
from byoc_kit.work.copy import copy
from rig.faults import silence
from rig.images import made_image, noise
from rig.lying import Lying, Reply, Request, lying
from rig.projects import Command

pytestmark = pytest.mark.long

IMAGE = made_image({"data": noise(300_000)}, {"a": b"1"})


@pytest.fixture
def layout(tmp_path: Path) -> str:
    """A layout that holds IMAGE."""
    place = f"oci:{tmp_path / 'layout'}"
    with open_sink(parse_location(place), environ={"BYOC_CACHE_DIR": str(tmp_path / "cache")}) as sink:
        sink.write(IMAGE, tag=True)
    return place


def held(place: str) -> Image:
    with open_image(parse_location(place), environ={"DOCKER_CONFIG": "/nowhere"}) as image:
        for layer in image.layers:
            assert b"".join(layer.read())
        return image


def test_it_prints_one_exact_reference(byoc: Command, layout: str, tmp_path: Path) -> None:
    with lying() as registry:
        done = byoc("copy", layout, f"{registry.host}/t/a:1")
        assert done.stdout == f"{registry.host}/t/a@{IMAGE.manifest.digest}\n"
        assert "0.3 MB to send" in done.stderr
        again = json.loads(byoc("copy", "--json", layout, f"{registry.host}/t/a:1").stdout)
        assert again["schema"] == "byoc/copy/1"
        assert again["reference"] == f"{registry.host}/t/a@{IMAGE.manifest.digest}"
        assert [len(again["transfer"][way]) for way in ("reuse", "mount", "relay", "upload")] == [3, 0, 0, 0]
        archive = f"archive:{tmp_path}/it.tar"
        assert byoc("copy", "--jobs", "1", f"{registry.host}/t/a:1", archive).stdout == f"{archive}\n"
    assert held(archive).raw_config == IMAGE.raw_config


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["no where", "oci:x"], 2, "does not name an image"),
        (["oci:nothing", "oci:x"], 1, "BYOC-E522"),
        (["archive:nothing", "oci:x"], 1, "BYOC-E526"),
        (["LAYOUT", "oci:x", "--platform", "linux/arm64"], 1, "BYOC-E508"),
        (["LAYOUT", "oci:x", "--platform", "linux"], 2, "--platform"),
        (["LAYOUT", "127.0.0.1:9/a/b:1"], 1, "BYOC-E505"),
        (["LAYOUT", "oci:/proc/x"], 1, "BYOC-E523"),
        (["LAYOUT", "archive:/proc/x/y.tar"], 1, "BYOC-E523"),
        (["LAYOUT", f"127.0.0.1:9/a/b@sha256:{'0' * 64}"], 1, "BYOC-E525"),
    ],
)
def test_what_cannot_be_is_told(
    byoc: Command, layout: str, tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    given = [layout if each == "LAYOUT" else each for each in arguments]
    done = byoc("copy", *given, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.engine
def test_from_a_layout_into_the_engine_and_back(byoc: Command, layout: str, tmp_path: Path) -> None:
    import docker

    name = f"byoc-test-verb-{os.getpid()}"
    client = docker.from_env()
    try:
        reference = byoc("copy", layout, f"docker:{name}").stdout.strip()
        assert reference == f"docker:{IMAGE.manifest.config.digest}"
        byoc("copy", name, f"oci:{tmp_path}/back")
    finally:
        client.images.remove(name, force=True)
        client.close()
    assert held(f"oci:{tmp_path}/back").raw_config == IMAGE.raw_config


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_stops_at_once_even_while_a_registry_is_silent(
    layout: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with lying() as registry:
        registry.on("PATCH", "", silence(20.0), times=9)
        process = started(tmp_path, layout, f"{registry.host}/t/a:1")
        while registry.count("PATCH") < 2:
            time.sleep(0.05)
        process.send_signal(number)
        before = time.monotonic()
        assert process.wait(30) == code
        assert time.monotonic() - before < 10
        assert registry.tags() == {}


# --- killed ---------------------------------------------------------------------------------------------


def environ(tmp_path: Path) -> Mapping[str, str]:
    return {**os.environ, "BYOC_CACHE_DIR": str(tmp_path / "cache"), "DOCKER_CONFIG": "/nowhere"}


def started(tmp_path: Path, source: str, target: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "byoc_kit", "copy", source, target]
    return subprocess.Popen(
        command, env=environ(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def requests_of_a_copy(tmp_path: Path, source: str) -> list[str]:
    with lying() as registry:
        assert started(tmp_path, source, f"{registry.host}/t/a:1").wait(60) == 0
        return [each.method for each in registry.asked]


def test_killed_before_or_after_any_request_no_tag_is_half(layout: str, tmp_path: Path) -> None:
    for number, method in enumerate(requests_of_a_copy(tmp_path, layout), start=1):
        for done in (False, True)[: 1 if method in {"GET", "HEAD"} else 2]:
            with lying() as registry:
                kill_at(registry, number, started_at(registry, tmp_path, layout), done=done)
                whole(registry)
                finish(registry, tmp_path, layout)


def started_at(registry: Lying, tmp_path: Path, source: str) -> Callable[[], "subprocess.Popen[bytes]"]:
    return lambda: started(tmp_path, source, f"{registry.host}/t/a:1")


def kill_at(
    registry: Lying, number: int, start: Callable[[], "subprocess.Popen[bytes]"], *, done: bool
) -> None:
    """Kill a process at its request *number*, before or after that has its effect (*done*)."""
    found: list[subprocess.Popen[bytes]] = []
    ready = threading.Event()

    def fault(lying: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
        if len(lying.asked) < number:
            return honest()
        ready.wait(10)
        if done:
            honest()
        found[0].kill()
        return Reply(close=True)

    registry.on("*", "", fault, times=number)
    found.append(start())
    ready.set()
    assert found[0].wait(60) == -signal.SIGKILL


def whole(registry: Lying) -> None:
    """Nothing that a tag, or any manifest, names is missing."""
    assert registry.whole()
    assert set(registry.tags().values()) <= {IMAGE.manifest.digest}


def finish(registry: Lying, tmp_path: Path, source: str) -> None:
    """The next run ends the work, and sends nothing twice that had arrived."""
    registry.rules.clear()
    had = len(registry.blobs)
    registry.asked.clear()
    places = parse_location(source), parse_location(f"{registry.host}/t/a:1")
    copy(*places, environ=environ(tmp_path))
    assert registry.count("PATCH") == 3 - had
    assert registry.tags() == {"t/a:1": IMAGE.manifest.digest}
    whole(registry)


def test_killed_at_random_the_next_run_finishes(layout: str, tmp_path: Path) -> None:
    dice = random.Random(7)
    with lying() as registry:
        target = f"{registry.host}/t/a:1"
        for _ in range(20):
            process = started(tmp_path, layout, target)
            time.sleep(dice.uniform(0.1, 0.6))
            process.kill()
            process.wait(60)
            whole(registry)
        finish(registry, tmp_path, layout)


def test_killed_while_it_writes_a_layout_the_old_image_stays(tmp_path: Path, layout: str) -> None:
    dice = random.Random(11)
    big = made_image(*({"data": noise(2 << 20, seed)} for seed in range(8)))
    source, target = f"oci:{tmp_path}/big", f"oci:{tmp_path}/target"
    for image, place in ((big, source), (IMAGE, target)):
        with open_sink(parse_location(place), environ=environ(tmp_path)) as sink:
            sink.write(image, tag=True)
    for _ in range(6):
        process = started(tmp_path, source, target)
        time.sleep(dice.uniform(0.2, 0.5))
        process.kill()
        process.wait(60)
        assert held(target).manifest.digest in {IMAGE.manifest.digest, big.manifest.digest}
    assert started(tmp_path, source, target).wait(60) == 0
    assert held(target).manifest.digest == big.manifest.digest
