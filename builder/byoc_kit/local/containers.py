"""Containers and the network of one run: started as planned, watched to their end, and all taken away again.

Everything carries the labels ``byoc.run`` and ``byoc.owner``; what a killed byoc left is found by them and
removed by the next run.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from byoc_kit.docker_helper import OWNER, RUN, in_one_piece, owner, uninterrupted
from byoc_kit.job.container import ENGINE_LOG, PROCESSES, ContainerPlan
from byoc_kit.job.outcome import Exit
from byoc_kit.local.engine import engine_errors
from byoc_kit.local.leftovers import KEEP, remove, remove_leftovers
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    import docker

__all__ = [
    "Log",
    "Running",
    "Session",
    "kill_all",
    "stop_all",
]

TAIL = 40  # lines of a log that an error may quote
TELL_EVERY = 10.0  # seconds between two lines about a container that takes its time to stop


class Log:
    """Where a container's words go: whole into a file, line by line to whoever listens."""

    def __init__(self, file: BinaryIO, tell: Callable[[str], None]) -> None:
        self._file, self._tell = file, tell
        self._rest = b""
        self.tail: deque[str] = deque(maxlen=TAIL)

    def feed(self, chunk: bytes) -> None:
        """Take what was printed; a line is told when it is complete."""
        self._file.write(chunk)
        self._file.flush()
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._line(line)

    def finish(self) -> None:
        """Tell the last line although nothing ended it."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> None:
        # a progress bar draws itself again after each carriage return: only its last state is worth a line
        text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
        self.tail.append(text)
        self._tell(text)


class Running:
    """A started container. Its log is copied and its end awaited by threads of their own."""

    def __init__(self, client: "docker.DockerClient", identity: str, plan: ContainerPlan, log: Log) -> None:
        self._api, self.id, self.plan, self.log = client.api, identity, plan, log
        self.ended_at = 0.0
        """When it ended, on the clock of time.monotonic(); means nothing before."""
        self._ended = threading.Event()
        self._exit: Exit | None = None
        attached = self._api.attach_socket(identity, {"stdout": 1, "stderr": 1, "stream": 1})
        try:
            with engine_errors(f"starting {plan.name}"):
                self._api.start(identity)
        except BaseException:
            attached._response.close()
            raise
        self._copying = threading.Thread(target=self._copy, args=(attached,), daemon=True)
        self._copying.start()
        threading.Thread(target=self._await, daemon=True).start()

    def _copy(self, attached: Any) -> None:
        from docker.utils.socket import frames_iter

        with suppress(Exception):  # the engine went away, or the log was closed: the end is told by _await
            for _, chunk in frames_iter(attached, tty=False):  # type: ignore[no-untyped-call]
                self.log.feed(chunk)
        with suppress(ValueError):
            self.log.finish()
        attached._response.close()  # docker-py keeps it there: closing it closes the connection too

    def _await(self) -> None:
        try:
            self._api.wait(self.id, timeout=None)
            self.ended_at = time.monotonic()
            state = self._api.inspect_container(self.id)["State"]
            self._exit = Exit(int(state["ExitCode"]), bool(state.get("OOMKilled")))
            self._copying.join(timeout=5)
        except Exception:  # removed under our hands, or the engine is gone: for us it has ended
            self._exit = self._exit or Exit(137)
        self._ended.set()

    def wait(self, seconds: float | None = None) -> Exit | None:
        """How it ended; None if it still runs after *seconds*."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._ended.wait(_slice(deadline)):  # in slices, so that a signal is seen on every platform
            if deadline is not None and time.monotonic() >= deadline:
                return None
        return self._exit

    def stop(self, grace: float, talk: Talk) -> Exit:
        """Stop as the service does: SIGTERM, *grace* seconds, SIGKILL (HAR-08). Ctrl-C meanwhile: SIGKILL."""
        stop_all([self], grace, talk)
        return self.wait(30) or Exit(137)

    def kill(self) -> None:
        """SIGKILL, at once."""
        self.signal("SIGKILL")

    def terminate(self) -> None:
        """Ask it to end, with the image's own stop signal if it has one."""
        self.signal(self._stop_signal())

    def _stop_signal(self) -> str:
        return self._api.inspect_container(self.id)["Config"].get("StopSignal") or "SIGTERM"

    def signal(self, name: str) -> None:
        """Send the signal *name* to its first process; nothing if it has ended."""
        from docker.errors import APIError

        with suppress(APIError):  # it has ended between two looks
            self._api.kill(self.id, name)

    @property
    def pid(self) -> int:
        """Its first process on the engine's machine; 0 once it has ended."""
        return int(self._api.inspect_container(self.id)["State"]["Pid"])

    def processes(self) -> list[list[str]]:
        """Number and command line of each of its processes, as ``ps`` on the engine's machine tells them."""
        rows: list[list[str]] = self._api.top(self.id, "-eo pid,args")["Processes"]
        return rows

    def changes(self) -> list[str]:
        """Paths that are not as the image has them: added, changed or removed."""
        return sorted(change["Path"] for change in self._api.diff(self.id) or ())

    @property
    def address(self) -> str:
        """The container's own IP address; empty once it has ended."""
        settings = self._api.inspect_container(self.id)["NetworkSettings"]
        networks: Mapping[str, Any] = settings.get("Networks") or {}
        return next((str(network["IPAddress"]) for network in networks.values()), "")

    def published(self, port: int) -> int | None:
        """The port of this machine's loopback that leads to *port* of the container."""
        bindings = self._api.inspect_container(self.id)["NetworkSettings"]["Ports"].get(f"{port}/tcp")
        return int(bindings[0]["HostPort"]) if bindings else None


def stop_all(runnings: Sequence[Running], grace: float, talk: Talk) -> None:
    """Stop all at the same time as the service does: SIGTERM, *grace* seconds, SIGKILL (HAR-08).

    Ctrl-C meanwhile: SIGKILL at once. Returns when all have ended.
    """
    if live := _live(runnings):
        names = ", ".join(running.plan.name for running in live)
        talk.say(f"stopping {names}: SIGTERM, then up to {grace:.0f} s (Ctrl-C again kills it now)")
        try:
            for running in live:
                running.terminate()
            _count_down(live, time.monotonic() + grace, talk)
        except (KeyboardInterrupt, SystemExit):
            talk.say("killing it")
    kill_all(_live(runnings))


def kill_all(runnings: Sequence[Running]) -> None:
    """SIGKILL to all, at once; returns when they have ended."""
    for running in runnings:
        running.kill()
    for running in runnings:
        running.wait(30)


def _live(runnings: Sequence[Running]) -> list[Running]:
    return [running for running in runnings if running.wait(0) is None]


def _count_down(runnings: Sequence[Running], end: float, talk: Talk) -> None:
    while (live := _live(runnings)) and (left := end - time.monotonic()) > 0:
        told = time.monotonic() + min(left, TELL_EVERY)
        for running in live:
            running.wait(max(0.0, told - time.monotonic()))
        for running in _live(live):
            talk.say(f"{running.plan.name} has {max(0.0, end - time.monotonic()):.0f} s left to stop")


def _slice(deadline: float | None) -> float:
    return 0.5 if deadline is None else max(0.0, min(0.5, deadline - time.monotonic()))


class Session:
    """A context in which containers of one run live; leaving it removes them and their network, always."""

    def __init__(
        self,
        client: "docker.DockerClient",
        run: str,
        *,
        talk: Talk,
        keep: bool = False,
        isolated: bool = False,
    ) -> None:
        """*isolated*: the containers reach each other and nothing else (TRN-11)."""
        self.client, self.run, self._talk, self._keep = client, run, talk, keep
        self._isolated = isolated

    def __enter__(self) -> "Session":
        with engine_errors("removing what an earlier run left"):
            remove_leftovers(self.client, self._talk)
        with engine_errors("making a network"):
            self.client.api.create_network(
                self.network, driver="bridge", labels=self._labels(), internal=self._isolated
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._keep:
            self._talk.note(f"kept: container {self._names()}; remove it with {self._removal()}")
        else:
            uninterrupted(lambda: remove(self.client, f"{RUN}={self.run}"))

    @property
    def network(self) -> str:
        """The name of the run's own bridge network."""
        return f"byoc-{self.run}"

    def labels(self, plan: ContainerPlan) -> ContainerPlan:
        """*plan* with the labels by which a later run finds what was left."""
        return replace(plan, labels={**plan.labels, **self._labels()})

    def start(self, plan: ContainerPlan, log: Log) -> Running:
        """Create and start a container as *plan* says. Raises ByocError where that cannot be."""
        with engine_errors(f"creating {plan.name}"):
            asked = _creation(self.client, self.labels(plan))
            created = in_one_piece(lambda: self.client.api.create_container(**asked))
        return Running(self.client, created["Id"], plan, log)

    def clear(self) -> None:
        """Remove the containers before the end of the session, so that their names are free."""
        with engine_errors("removing containers"):
            for container in self.client.api.containers(all=True, filters={"label": f"{RUN}={self.run}"}):
                self.client.api.remove_container(container["Id"], force=True, v=True)

    def _labels(self) -> dict[str, str]:
        return {RUN: self.run, OWNER: owner(), **({KEEP: "true"} if self._keep else {})}

    def _names(self) -> str:
        found = self.client.api.containers(all=True, filters={"label": f"{RUN}={self.run}"})
        return ", ".join(name.removeprefix("/") for container in found for name in container["Names"])

    def _removal(self) -> str:
        return f"`docker rm -f {self._names().replace(',', '')} && docker network rm {self.network}`"


def _creation(client: "docker.DockerClient", plan: ContainerPlan) -> dict[str, Any]:
    """The arguments of docker-py's create_container for *plan*."""
    from docker.types import Mount

    api = client.api
    own = () if plan.beside else plan.ports  # who has the network publishes for those beside
    ports: dict[int | str, Any] = {port.container: ("127.0.0.1", port.host or None) for port in own}
    mounts = [
        Mount(str(mount.target), str(mount.source), type="bind", read_only=mount.read_only)
        for mount in plan.mounts
    ]
    return {
        "name": plan.name,
        "image": plan.image,
        "command": None if plan.command is None else list(plan.command),
        "entrypoint": None if plan.entrypoint is None else list(plan.entrypoint),
        "environment": {**plan.env, **plan.secrets},
        "user": plan.user,
        "labels": dict(plan.labels),
        "ports": list(ports),
        "host_config": api.create_host_config(
            mounts=mounts,
            shm_size=plan.shm_size,
            init=plan.init,
            port_bindings=ports,
            read_only=plan.read_only,
            tmpfs={folder: f"size={size}" for folder, size in plan.scratch.items()},
            network_mode=f"container:{plan.beside}" if plan.beside else None,
            **_resources(plan),
            **(_restraints() if plan.untrusted else {}),
        ),
        **({} if plan.beside else _own_network(plan)),
    }


def _own_network(plan: ContainerPlan) -> dict[str, Any]:
    """A place in the run's network; a container beside another has that one's, name and all."""
    endpoint = {plan.network: {"Aliases": [plan.alias]}}
    return {"hostname": plan.hostname, "networking_config": {"EndpointsConfig": endpoint}}


def _resources(plan: ContainerPlan) -> dict[str, Any]:
    """The limits of *plan*, in the words of docker-py."""
    from docker.types import DeviceRequest

    return {
        **({} if plan.cpus is None else {"nano_cpus": round(plan.cpus * 1e9)}),
        **({} if plan.memory is None else {"mem_limit": plan.memory, "memswap_limit": plan.memory}),
        **(
            {"device_requests": [DeviceRequest(count=plan.gpus, capabilities=[["gpu"]])]} if plan.gpus else {}
        ),
    }


def _restraints() -> dict[str, Any]:
    """What an image that nobody trusts is held to, in the words of docker-py."""
    from docker.types import LogConfig

    log = LogConfig(type=LogConfig.types.JSON, config={"max-size": ENGINE_LOG})
    return {"security_opt": ["no-new-privileges"], "pids_limit": PROCESSES, "log_config": log}


@contextmanager
def opened_log(path: Path, tell: Callable[[str], None]) -> Iterator[Log]:
    """A log that is kept at *path*."""
    with path.open("wb") as file:
        yield Log(file, tell)
