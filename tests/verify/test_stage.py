"""Containers on the stage: held tight, told the truth about, and taken away whatever happens."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.evidence import Case, Container, Run
from byoc_kit.contract.scenarios import Scenario, for_case, scenario, wanted
from byoc_kit.contract.types import ALL_TARGETS
from byoc_kit.docker_helper import RUN
from byoc_kit.job.container import PROCESSES
from byoc_kit.local.cast import Troupe, smoke_job, train_once
from byoc_kit.local.excerpt import PART
from byoc_kit.local.plays import PLAYS
from byoc_kit.local.stage import PREFIX, SHARE, VERIFY, Play, Stage, Subject, theatre
from byoc_kit.oci.config import ImageConfig
from byoc_kit.talk import Silence

USER = 1234
WITNESS = r"""#!/usr/bin/python3 -u
import json, os, socket, sys, time
with open("/opt/ml/input/config/hyperparameters.json") as file:
    asked = json.load(file).get("do", "")
if asked == "flood":
    for _ in range(300):
        sys.stdout.write("x" * 100_000)
elif asked == "pipe":
    with open("/opt/ml/input/data/train_0") as pipe:
        print(len(pipe.read()))
elif asked == "hang":
    print("hanging")
    time.sleep(600)
else:
    def reached(host, port):
        try:
            socket.create_connection((host, port), 2).close()
            return True
        except OSError:
            return False
    with open("/proc/self/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    os.mkdir("/opt/ml/model/hidden", 0o700)
    os.symlink("/etc/passwd", "/opt/ml/model/hidden/link")
    with open("/var/own", "w") as file:
        file.write("x")
    print(json.dumps({
        "no_new_privileges": status["NoNewPrivs"].strip(),
        "capabilities": status["CapEff"].strip(),
        "outside": [reached("192.0.2.1", 80), reached("1.1.1.1", 53)],
        "owners": [os.stat(f"/opt/ml/{name}").st_uid for name in ("input", "model", "output")],
        "names": sorted(os.environ),
        "files": sorted(os.path.join(d, f) for d, _, names in os.walk("/opt/ml") for f in names),
    }))
"""


@pytest.fixture(scope="module")
def witness(
    engine: docker.DockerClient, base: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The id of an image that tells what it sees."""
    folder = tmp_path_factory.mktemp("witness")
    (folder / "train").write_text(WITNESS)
    (folder / "train").chmod(0o755)
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY train /usr/local/bin/train\n")
    name = f"byoc-test-witness:{uuid.uuid4().hex[:12]}"
    engine.images.build(path=str(folder), tag=name, rm=True)
    yield str(engine.images.get(name).id)
    engine.images.remove(name, force=True)


@pytest.fixture
def played(engine: docker.DockerClient, witness: str) -> Callable[..., Run]:
    """Plays one scenario with the witness."""

    def play(does: Play, *, do: str = "", **case: Any) -> Run:
        subject = Subject(image=witness, config=ImageConfig(), case=Case(hyperparameters={"do": do}, **case))
        with theatre(engine, subject, {"train": does}, Silence()) as house:
            return house.play(scenario("train"))

    return play


def left(engine: docker.DockerClient, image: str, label: str = "") -> list[str]:
    """Containers of *image*, running or not; with *label* where one is named."""
    api: Any = engine.api
    asked = {"ancestor": image, **({"label": label} if label else {})}
    return [found["Id"] for found in api.containers(all=True, filters=asked)]


def once(stage: Stage) -> Run:
    return Run(scenario="train", containers=(train_once(stage, smoke_job(stage), "algo-1"),))


@pytest.mark.engine
def test_a_container_sees_what_the_service_shows_and_nothing_else(played: Callable[..., Run]) -> None:
    """HAR-01, HAR-03, HAR-05, HAR-09, TRN-11."""
    run = played(PLAYS["train"])
    box = run.one
    told = json.loads(box.log)
    assert (box.exit_code, box.command, run.problem) == (0, ("train",), "")
    assert told["no_new_privileges"] == "1"
    assert told["capabilities"] == "00000000a80425fb", "Docker's default set, nothing more"
    assert told["outside"] == [False, False]
    assert told["owners"] == [0, 0, 0], "what the service mounts belongs to root"
    assert {name for name in told["names"] if name.startswith("AWS")} == {"AWS_REGION"}
    assert "/opt/ml/input/data/train/data.csv" in told["files"]
    assert box.facts["written"] == "/var/own"
    link = box.file("/opt/ml/model/hidden/link")
    assert link is not None
    assert (link.kind, link.link, link.text) == ("symlink", "/etc/passwd", None)


@pytest.mark.engine
def test_a_container_has_limits(engine: docker.DockerClient, played: Callable[..., Run]) -> None:
    seen: dict[str, Any] = {}

    def look(stage: Stage) -> Run:
        with Troupe(stage, smoke_job(stage)) as troupe:
            actor = troupe.begin().one
            assert actor.running is not None
            api: Any = engine.api
            seen.update(api.inspect_container(actor.running.id)["HostConfig"])
            return Run(scenario="train", containers=troupe.finish().done())

    assert played(look).one.exit_code == 0
    memory = engine.info()["MemTotal"]
    assert (seen["Memory"], seen["PidsLimit"], seen["Privileged"]) == (memory // SHARE, PROCESSES, False)
    assert seen["SecurityOpt"] == ["no-new-privileges"]
    assert seen["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
    assert seen["CapAdd"] is None


@pytest.mark.engine
def test_however_much_is_printed_little_is_kept(played: Callable[..., Run]) -> None:
    box = played(once, do="flood").one
    assert box.exit_code == 0
    assert len(box.log) < 2 * PART + 100


@pytest.mark.engine
def test_an_image_that_hangs_is_ended_by_its_own_limit(
    engine: docker.DockerClient, witness: str, played: Callable[..., Run]
) -> None:
    run = played(once, do="hang", time_limits={"training": 2.0})
    assert (run.one.killed, run.one.exit_code) == (True, 137)
    assert 2 <= run.one.seconds < 30
    assert not left(engine, witness)


@pytest.mark.engine
def test_nothing_waits_for_a_training_that_never_ends(engine: docker.DockerClient, witness: str) -> None:
    case = Case(hyperparameters={"do": "hang"}, time_limits={"training": 2.0})
    subject = Subject(image=witness, config=ImageConfig(), case=case)
    with theatre(engine, subject, PLAYS, Silence()) as house:
        assert house.play(scenario("train")).one.killed
        begun = time.monotonic()
        others = ("train-inputs", "train-hosts", "train-groups", "train-peer-dies", "train-again")
        ends = ("train-fail", "train-pipe", "train-toolkit")
        assert {house.play(scenario(name)).problem for name in others} == {
            "the training does not succeed: see TRN-01"
        }
        assert {house.play(scenario(name)).problem for name in ends} == {
            "the training does not end: see TRN-02"
        }
        assert time.monotonic() - begun < 10, "no container was started"
        assert [box.name for box in house.play(scenario("train-words")).containers] == ["bogus", "chmod"]


@pytest.mark.engine
def test_what_cannot_be_started_is_refused_and_no_trouble(played: Callable[..., Run]) -> None:
    def refused(stage: Stage) -> Run:
        box = train_once(stage, smoke_job(stage), "algo-1", entrypoint=("/nowhere",), command=None)
        return Run(scenario="train", containers=(box,))

    run = played(refused)
    assert run.problem == ""
    assert run.one.exit_code is None
    assert "no such file" in run.one.refused.lower()


@pytest.mark.engine
def test_a_scenario_that_is_given_up_ends_at_once(engine: docker.DockerClient, witness: str) -> None:
    subject = Subject(image=witness, config=ImageConfig(), case=Case(hyperparameters={"do": "hang"}))
    found: list[Run] = []
    with theatre(engine, subject, {"train": once}, Silence()) as house:
        thread = threading.Thread(target=lambda: found.append(house.play(scenario("train"))))
        thread.start()
        _await(lambda: bool(left(engine, witness)))
        house.give_up(scenario("train"))
        thread.join(30)
        assert not thread.is_alive()
        assert not left(engine, witness)
    assert found[0].problem or found[0].one.exit_code != 0


@pytest.mark.engine
def test_leaving_ends_plays_of_other_threads(engine: docker.DockerClient, witness: str) -> None:
    subject = Subject(image=witness, config=ImageConfig(), case=Case(hyperparameters={"do": "hang"}))
    with theatre(engine, subject, {"train": once}, Silence()) as house:
        thread = threading.Thread(target=house.play, args=(scenario("train"),))
        thread.start()
        _await(lambda: bool(left(engine, witness)))
        root, name = house.root, house.name
    thread.join(30)
    assert not thread.is_alive()
    assert not left(engine, witness)
    assert not engine.networks.list(filters={"label": f"{VERIFY}={name}"})
    assert not root.exists()


def _as_user(endpoint: str, image: str, name: str, do: str) -> tuple[Container, bool]:
    """What a user who is not root sees of the witness, and whether its folders are still there."""
    path = Path(endpoint.removeprefix("unix://"))
    if os.geteuid() == 0:
        os.setgroups([path.stat().st_gid])  # as the group docker lets users in
        os.setgid(USER)
        os.setuid(USER)
    subject = Subject(image=image, config=ImageConfig(), case=Case(hyperparameters={"do": do}))
    with (
        contextlib.closing(docker.DockerClient(base_url=endpoint)) as client,
        theatre(client, subject, PLAYS, Silence()) as house,
    ):
        run, root = house.play(scenario(name)), house.root
    return run.one, root.exists()


def _as_nobody(image: str, name: str, do: str = "") -> dict[str, Any]:
    """The same in a process of its own, as JSON."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            box, left_over = _as_user(os.environ["DOCKER_HOST"], image, name, do)
            told: dict[str, Any] = {
                "exit": box.exit_code,
                "log": box.log,
                "files": [file.path for file in box.files],
            }
            told |= {"left": left_over, "opened": box.facts.get("opened")}
        except BaseException as error:  # the parent tells it
            told = {"error": repr(error)}
        os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as file:
        found: dict[str, Any] = json.load(file)
        return found


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_a_user_who_is_not_root_gives_root_its_folders_and_takes_them_back(witness: str) -> None:
    """IMG-05: mounts belong to root; what a container wrote as root can be read and removed."""
    told = _as_nobody(witness, "train")
    assert told.get("exit") == 0, told
    assert json.loads(told["log"])["owners"] == [0, 0, 0]
    assert "/opt/ml/model/hidden/link" in told["files"], "its folder was for root alone"
    assert not told["left"]


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_a_user_who_is_not_root_feeds_pipes(witness: str) -> None:
    told = _as_nobody(witness, "train-pipe", "pipe")
    assert (told.get("exit"), told.get("opened")) == (0, True), told
    assert told["log"].strip().isdigit()


KILLED = """
import contextlib, sys, time
from byoc_kit.contract.evidence import Case
from byoc_kit.contract.scenarios import scenario
from byoc_kit.docker_api import connect
from byoc_kit.local.plays import PLAYS
from byoc_kit.local.stage import Subject, theatre
from byoc_kit.oci.config import ImageConfig
from byoc_kit.talk import Silence
subject = Subject(image=sys.argv[1], config=ImageConfig(), case=Case(hyperparameters={"do": "hang"}))
with contextlib.closing(connect()) as client, theatre(client, subject, PLAYS, Silence()) as house:
    print(house.name, house.root, flush=True)
    house.play(scenario("train"))
"""


@pytest.mark.engine
def test_what_a_killed_byoc_left_goes_with_the_next(engine: docker.DockerClient, witness: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, witness], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        name, folder = program.stdout.readline().split()
        _await(lambda: bool(left(engine, witness)))
        program.send_signal(signal.SIGKILL)
    assert left(engine, witness)
    assert Path(folder).name.startswith(PREFIX)
    with theatre(engine, Subject(image=witness, config=ImageConfig()), PLAYS, Silence()):
        assert not left(engine, witness)
        assert not engine.networks.list(filters={"label": f"{VERIFY}={name}"})
        assert not Path(folder).exists()


@pytest.mark.engine
@pytest.mark.parametrize("during", ["the look", "the play"])
def test_ctrl_c_leaves_nothing(
    engine: docker.DockerClient, witness: str, tmp_path: Path, during: str
) -> None:
    words = ["verify", f"docker:{witness}", "--target", "training", "--only", "TRN-01", "--hp", "do=hang"]
    with subprocess.Popen(
        [sys.executable, "-m", "byoc_kit", *words],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path), "BYOC_CACHE_DIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        _await(lambda: bool(left(engine, witness, VERIFY if during == "the play" else RUN)))
        program.send_signal(signal.SIGINT)
        said = program.communicate(timeout=120)[1]
    assert program.returncode == 130, said
    assert not left(engine, witness)
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def _await(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_every_scenario_that_a_clause_needs_is_there_and_is_played() -> None:
    needed = {name for clause in CLAUSES for name in clause.needs}
    assert needed <= PLAYS.keys()
    assert {*wanted(CLAUSES, ALL_TARGETS)} == needed
    for clause in CLAUSES:
        for name in clause.needs:
            assert clause.targets <= scenario(name).targets, f"{clause.id} asks for {name} in vain"


def test_a_case_that_takes_longer_has_more_time() -> None:
    usual: Scenario = scenario("train")
    longer = for_case(usual, Case(time_limits={"training": 160.0}))
    assert {depth: longer.seconds[depth] - usual.seconds[depth] for depth in usual.seconds} == {
        "quick": 240.0,
        "service": 0.0,
    }
    assert for_case(usual, Case(time_limits={"training": 5.0})) == usual
