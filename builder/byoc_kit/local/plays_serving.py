"""Plays of an endpoint: as the service starts it, without its model, beside a copy, in a pipeline."""

from typing import Final

from byoc_kit.contract.clauses.pipeline import BIND, SAFE
from byoc_kit.contract.evidence import Container, Run
from byoc_kit.local.endpoint import BARE, Endpoint, Setting
from byoc_kit.local.smoke import Request
from byoc_kit.local.stage import Plays, Stage

__all__ = ["PLAYS"]

SHARE: Final = {"cpus": 1.0, "memory": 2 << 30}
"""What each of two copies gets, and a serverless endpoint (SLS-01)."""
STRICT: Final = {**SHARE, "user": "65534:65534", "read_only": True, "scratch": {"/tmp": 512 << 20}}  # noqa: S108
ADDED: Final = {
    "X-Amzn-SageMaker-Custom-Attributes": "trace=1,byoc",
    "X-Amzn-SageMaker-Inference-Id": "byoc-verify",
    "X-Amzn-SageMaker-Target-Variant": "AllTraffic",
    "X-Amzn-Unheard-Of": "1",
}
"""Headers that the platform passes on, or may add (INF-11)."""
BAD: Final = {
    "bad-json": Request("application/json", b'{"a": [1, 2'),
    "bad-type": Request("application/x-byoc-unheard-of", b"\x00\x01\x02"),
    "empty": Request("application/json", b""),
}
"""Requests that no server can answer well (INF-09)."""
MANY: Final = {f"BYOC_VARIABLE_{number:03d}": "x" * 300 for number in range(100)}
"""As many variables as a model may have, 32 KB in all (INF-17)."""
MIB, MEGABYTE = 1 << 20, 10**6


def serve(stage: Stage) -> Run:
    """``model``: pinged in quiet, asked well and badly, stopped while a request is under way.

    ``model-writable``, if it did not come up or could not predict: the same where it may write to its model.
    Facts: ``ports``, ``processes``, ``commands``, ``left_out`` (pings that do not count).
    """
    first = Endpoint(stage)
    if first.come_up():
        first.find_request("first")
        first.quiet(stage.timing.ping_for, stage.timing.ping_every)
        first.look()
        first.find_request("invoke")
        _ask_more(first)
        _ask_badly(first)
        first.stop_with_request()
    stage.house.down = not first.ready
    seen = first.done("model")
    return Run(scenario="serve", containers=(seen, *_writable(stage, seen)))


def _ask_more(server: Endpoint) -> None:
    headers = server.request.question(server.limit).headers
    server.post("headers", headers={**headers, **ADDED})
    for name, session in (("session", "NEW_SESSION"), ("unknown-session", "byoc-unheard-of")):
        server.post(name, headers={**headers, "X-Amzn-SageMaker-Session-Id": session})
    paths = {"unknown": "/byoc-unheard-of", "models": "/models", "metrics": "/metrics"}
    for name, path in paths.items():
        server.get(name, path)


def _ask_badly(server: Endpoint) -> None:
    for name, request in BAD.items():
        server.ask(name, request.question(server.limit))
    server.get("ping-after-bad", "/ping")


def _writable(stage: Stage, seen: Container) -> tuple[Container, ...]:
    answer = seen.exchanges.get("invoke")
    if seen.refused or (answer is not None and answer.status is not None and answer.status < 500):
        return ()
    second = Endpoint(stage, Setting(writable=True))
    if second.come_up(BARE if seen.ready is None else None):
        second.find_request("invoke")
    return (second.done("model-writable"),)


def serve_large(stage: Stage) -> Run:
    """With 100 variables, below an init: bodies of 6 MiB and 25 MB, then SIGTERM twice."""
    server = Endpoint(stage, Setting(environment=MANY, changes={"init": True}))
    if server.come_up():
        server.find_request("invoke")
        server.post("6MiB", body=server.request.padded(6 * MIB - 1))
        server.post("25MB", body=server.request.padded(25 * MEGABYTE))
        server.actor.terminate()
        server.actor.wait(0.3)
        server.actor.stop(server.grace)
    return Run(scenario="serve-large", containers=(server.done("model"),))


def serve_no_model(stage: Stage) -> Run:
    """Nothing is mounted at /opt/ml/model."""
    server = Endpoint(stage, Setting(model=False))
    if server.come_up(BARE):
        server.find_request("invoke")
    return Run(scenario="serve-no-model", containers=(server.done("model"),))


def serve_copies(stage: Stage) -> Run:
    """Two at once, with one CPU and 2 GB each, and without the platform's variables."""
    setting = Setting(ambient=False, changes=SHARE)
    servers = [Endpoint(stage, setting) for _ in range(2)]
    for server in servers:
        server.come_up()
    done = [server.done(f"model-{number}") for number, server in enumerate(servers, start=1)]
    return Run(scenario="serve-copies", containers=tuple(done))


def serverless(stage: Stage) -> Run:
    """``strict``: one CPU, 2 GB, no root, nothing to write but /tmp. ``limits``, if that does not come up."""
    boxes = list[Container]()
    for name, changes in (("strict", STRICT), ("limits", SHARE)):
        server = Endpoint(stage, Setting(changes=changes))
        if server.come_up():
            server.find_request("invoke")
            server.post("4MB", body=server.request.padded(4 * MEGABYTE))
            server.look()
        boxes.append(server.done(name))
        if server.ready:
            break
    return Run(scenario="serverless", containers=tuple(boxes))


def stream(stage: Stage) -> Run:
    """One request, of whose answer each piece is timed."""
    server = Endpoint(stage)
    if server.come_up():
        server.find_request("invoke")
    return Run(scenario="stream", containers=(server.done("model"),))


def pipeline(stage: Stage) -> Run:
    """At a port that the platform chooses. Facts: ``open_8080``, and those of ``serve``."""
    environment = {
        "SAGEMAKER_BIND_TO_PORT": str(BIND),
        "SAGEMAKER_SAFE_PORT_RANGE": f"{SAFE.start}-{SAFE.stop - 1}",
    }
    server = Endpoint(stage, Setting(environment=environment, port=BIND))
    up = server.come_up()
    server.actor.tell(open_8080=server.opens(8080))
    if up:
        answer = server.find_request("invoke")
        if 0 < answer.size < 2000 and answer.status == 200:
            kind = answer.headers.get("content-type", "application/octet-stream")
            next_one = Request(kind, answer.body.encode())
            server.ask("chained", next_one.question(server.limit))
    return Run(scenario="pipeline", containers=(server.done("model"),))


PLAYS: Final[Plays] = {
    "serve": serve,
    "serve-large": serve_large,
    "serve-no-model": serve_no_model,
    "serve-copies": serve_copies,
    "serverless": serverless,
    "stream": stream,
    "pipeline": pipeline,
}
