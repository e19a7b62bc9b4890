"""The play of a multi-model endpoint: two models are loaded, asked and unloaded while the server runs."""

import hashlib
import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from byoc_kit.contract.evidence import Depth, Exchange, Run
from byoc_kit.job.container import Mount
from byoc_kit.local.asking import Question
from byoc_kit.local.endpoint import Endpoint, Setting, aside, lay_model
from byoc_kit.local.smoke import Request, first_taken, requests_of
from byoc_kit.local.stage import Plays, Stage

__all__ = ["PLAYS"]

PLACE = PurePosixPath("/opt/ml/models")
BETWEEN: Final = 0.1  # seconds between two requests while a model is loaded
CYCLES: Final = {Depth.QUICK: 3, Depth.SERVICE: 20}
"""How often a model is loaded and unloaded (MME-04)."""
LOADING: Final = 360.0
"""Seconds (MME-07)."""
TARGET: Final = {"X-Amzn-SageMaker-Target-Model": "a.tar.gz"}
NAMES: Final = {letter: hashlib.sha256(f"{letter}.tar.gz".encode()).hexdigest() for letter in "abx"}
"""As the platform names models (MME-06): two that are there, and one that is not."""


def multi_model(stage: Stage) -> Run:
    """Facts: ``memory_before``, ``memory_after`` and ``cycles`` of loading, and those of ``serve``."""
    server = Endpoint(
        stage, Setting(environment={"SAGEMAKER_MULTI_MODEL": "true"}, model=False, mounts=_models(stage))
    )
    if server.come_up():
        with server.pinging(stage.timing.ping_every) as pinger:
            _ask_for_nothing(server)
            if _load(server, "load-a", "a").status in range(200, 300):
                _ask_for_models(server)
            server.look()
        server.keep(pinger)
        server.actor.stop(server.grace)
    return Run(scenario="multi-model", containers=(server.done("model"),))


def _models(stage: Stage) -> tuple[Mount, ...]:
    mounts = list[Mount]()
    for letter in "ab":
        folder = stage.tree(f"model-{letter}")
        lay_model(stage, folder)
        mounts.append(Mount(folder, PLACE / NAMES[letter] / "model", read_only=True))
    return tuple(mounts)


def _ask_for_nothing(server: Endpoint) -> None:
    """What is asked before any model is loaded."""
    server.get("list-none", "/models")
    server.get("show-unknown", f"/models/{NAMES['x']}")
    server.ask("delete-unknown", _question(server, "DELETE", "x"))
    server.ask("invoke-unknown", server.request.question(server.limit, path=f"{_path('x')}/invoke"))


def _ask_for_models(server: Endpoint) -> None:
    """What is asked when the first model is loaded."""
    _load(server, "load-a-again", "a")
    server.get("show-a", _path("a"))
    server.get("list-a", "/models")
    _invoke(server, "invoke-a")
    loading = aside(lambda: _load(server, "load-b", "b"))
    _invoke(server, "invoke-a-meanwhile", known=True)
    while loading.is_alive() and _as_before(server):
        loading.join(BETWEEN)
        _invoke(server, "invoke-a-meanwhile", known=True)
    loading.join()
    server.get("list-both", "/models")
    server.ask("delete-a", _question(server, "DELETE", "a"))
    _invoke(server, "invoke-deleted", known=True)
    _cycle(server)


def _as_before(server: Endpoint) -> bool:
    """Whether the model answers while another is loaded as it did alone."""
    seen = server.actor.exchanges
    return seen["invoke-a-meanwhile"].status == seen["invoke-a"].status


def _cycle(server: Endpoint) -> None:
    """Load and unload a model again and again; the first time fills what is filled once."""
    rounds = CYCLES[server.stage.depth]
    for number in range(rounds + 1):
        if number == 1:
            server.actor.tell(memory_before=_memory(server), cycles=rounds)
        server.asker.ask(_loading("a"))
        server.asker.ask(server.request.question(server.limit, path=f"{_path('a')}/invoke"))
        server.asker.ask(_question(server, "DELETE", "a"))
    server.actor.tell(memory_after=_memory(server))


def _memory(server: Endpoint) -> int | None:
    found = server.inhabitants()
    return None if found is None else sum(process.memory for process in found)


def _path(letter: str) -> str:
    return f"/models/{NAMES[letter]}"


def _question(server: Endpoint, method: str, letter: str) -> Question:
    return Question(method=method, path=_path(letter), limit=server.limit)


def _loading(letter: str) -> Question:
    asked = {"model_name": NAMES[letter], "url": str(PLACE / NAMES[letter] / "model")}
    return Question(
        path="/models",
        body=json.dumps(asked).encode(),
        headers={"Content-Type": "application/json"},
        limit=LOADING,
    )


def _load(server: Endpoint, name: str, letter: str) -> Exchange:
    return server.ask(name, _loading(letter))


def _invoke(server: Endpoint, name: str, *, known: bool = False) -> None:
    """Ask the model ``a``, with what it takes if that is *known*."""
    candidates = (server.request,) if known else requests_of(server.stage.case)

    def ask(request: Request) -> Exchange:
        plain = request.question(server.limit)
        return server.asker.ask(
            replace(plain, path=f"{_path('a')}/invoke", headers={**plain.headers, **TARGET})
        )

    server.request, server.actor.exchanges[name] = first_taken(candidates, ask)


PLAYS: Final[Plays] = {"multi-model": multi_model}
