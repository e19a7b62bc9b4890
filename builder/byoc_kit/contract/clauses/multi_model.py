"""Multi-model endpoints (MME): models are loaded, asked and unloaded while the server runs."""

import json
from collections.abc import Mapping
from typing import Any, Final

from byoc_kit.contract.clauses.served import bad_pings, called, good, last_words, late, ports
from byoc_kit.contract.clauses.verdicts import broken, kept, listed, unseen
from byoc_kit.contract.evidence import Container, Exchange
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["PART"]

MULTI: Final = frozenset({Target.MULTI_MODEL})
API: Final = "SageMaker Developer Guide, Contract for custom containers of multi-model endpoints"
LOADED: Final = 360.0
"""Seconds in which a model must be loaded (MME-07)."""
GROWTH: Final = 32 << 20
"""Bytes that all cycles of loading and unloading may leave behind (MME-04): the margin."""
MODELS: Final = "give it a model that it can load: --model"


def _asked(seen: Evidence, *names: str) -> tuple[Exchange, ...] | Verdict:
    """The exchanges *names*; else why they are not there."""
    box = seen.runs["multi-model"].one
    if box.ready is None:
        return unseen("it did not come up: see MME-08")
    found = tuple(box.exchanges[name] for name in names if name in box.exchanges)
    return found if len(found) == len(names) else unseen(f"no model could be loaded: {MODELS}")


def _loaded(seen: Evidence, *names: str) -> tuple[Exchange, ...] | Verdict:
    """The same, where the first model could be loaded."""
    box = seen.runs["multi-model"].one
    load = box.exchanges.get("load-a")
    if box.ready is not None and load is not None and not good(load):
        return unseen(f"no model could be loaded (see MME-01): {MODELS}")
    return _asked(seen, *names)


def _json(exchange: Exchange) -> Any:
    try:
        return json.loads(exchange.body)
    except ValueError:
        return None


def _names(exchange: Exchange) -> set[str] | None:
    """The models of a list of them; None: that is no such list."""
    found = _json(exchange)
    models = found.get("models") if isinstance(found, Mapping) else None
    if not isinstance(models, list) or not all(_is_model(model) for model in models):
        return None
    return {model["modelName"] for model in models}


def _is_model(found: Any) -> bool:
    return isinstance(found, Mapping) and {"modelName", "modelUrl"} <= set(found)


def loads(seen: Evidence) -> Verdict:
    """MME-01. Without a model of the user's, one that cannot be loaded says nothing."""
    found = _asked(seen, "load-a", "list-none")
    if isinstance(found, Verdict):
        return found
    load, none = found
    again = seen.runs["multi-model"].one.exchanges.get("load-a-again")
    text = f"POST /models got {called(load)}"
    if load.status in {None, 405, 501} or (load.status == 404 and none.status == 404):
        return broken(text)
    if not good(load) or again is None:
        text = f"{text}: {load.body[:120]!r}"
        return broken(text) if seen.case.model else unseen(f"{text}: {MODELS}")
    if again.status != 409:
        return broken(f"POST /models for a model that is loaded got {called(again)}; 409 is right")
    return kept(f"loaded in {load.seconds:.2f} s; once more: 409")


def lists(seen: Evidence) -> Verdict:
    """MME-02."""
    found = _asked(seen, "list-none")
    if isinstance(found, Verdict):
        return found
    (none,) = found
    if none.status != 200 or _names(none) is None:
        return broken(f"GET /models without any model got {called(none)}: {none.body[:80]!r}")
    if names := _names(none):
        return broken(f"before any is loaded GET /models lists {len(names)} models")
    both = seen.runs["multi-model"].one.exchanges.get("list-both")
    if both is None:
        return kept("GET /models is an empty list before any is loaded")
    known = _names(both)
    if known is None or len(known) != 2:
        return broken(f"with two models loaded GET /models got {both.body[:160]!r}")
    return kept("GET /models lists none, and two when two are loaded")


def shows(seen: Evidence) -> Verdict:
    """MME-03."""
    found = _asked(seen, "show-unknown")
    if isinstance(found, Verdict):
        return found
    if found[0].status != 404:
        return broken(f"GET /models/NAME for an unknown model got {called(found[0])} ; 404 is right")
    loaded = _loaded(seen, "show-a")
    if isinstance(loaded, Verdict):
        return loaded
    shown = _json(loaded[0])
    one = shown[0] if isinstance(shown, list) and shown else shown  # multi-model-server answers a list of one
    if loaded[0].status != 200 or not _is_model(one):
        return broken(f"GET /models/NAME got {called(loaded[0])}: {loaded[0].body[:80]!r}")
    return kept("a loaded model is shown, an unknown one is 404")


def unloads(seen: Evidence) -> Verdict:
    """MME-04. Margin: 32 MiB for all cycles together."""
    found = _asked(seen, "delete-unknown")
    if isinstance(found, Verdict):
        return found
    if found[0].status != 404:
        return broken(f"DELETE /models/NAME for an unknown model got {called(found[0])}; 404 is right")
    loaded = _loaded(seen, "delete-a", "invoke-deleted")
    if isinstance(loaded, Verdict):
        return loaded
    if not good(loaded[0]) or loaded[1].status != 404:
        return broken(f"DELETE /models/NAME got {called(loaded[0])}, a request then {called(loaded[1])}")
    grown, cycles = _growth(seen.runs["multi-model"].one)
    if grown is not None and grown > GROWTH:
        return broken(f"after {cycles} cycles of loading and unloading it holds {grown >> 20} MiB more")
    more = "" if grown is None else f"; {cycles} cycles leave {max(0, grown) >> 20} MiB"
    return kept(f"200 for a loaded model, 404 for an unknown one{more}")


def _growth(box: Container) -> tuple[int | None, Any]:
    before, after = box.facts.get("memory_before"), box.facts.get("memory_after")
    if not isinstance(before, int) or not isinstance(after, int):
        return None, 0
    return after - before, box.facts.get("cycles")


def invokes(seen: Evidence) -> Verdict:
    """MME-05."""
    found = _asked(seen, "invoke-unknown")
    if isinstance(found, Verdict):
        return found
    if found[0].status != 404:
        return broken(f"a request for a model that is not loaded got {called(found[0])}; 404 is right")
    loaded = _loaded(seen, "invoke-a")
    if isinstance(loaded, Verdict):
        return loaded
    (answer,) = loaded
    if answer.status is None or answer.status in {404, 405}:
        return broken(f"POST /models/NAME/invoke for a loaded model got {called(answer)}")
    if not good(answer) and seen.case.request:
        return broken(f"the request that was given got {called(answer)}: {answer.body[:120]!r}")
    return kept(f"a loaded model answers {answer.status}, one that is not loaded 404")


def takes_any_name(seen: Evidence) -> Verdict:
    """MME-06."""
    found = _loaded(seen, "show-a", "list-a")
    if isinstance(found, Verdict):
        return found
    names = _names(found[1])
    whole = [name for name in names or () if len(name) == 64]
    if not whole:
        return broken(f"a model of 64 hexadecimal digits is listed as {listed(names or ['nothing'])}")
    return kept("a name of 64 hexadecimal digits is kept as it is")


def works_while_loading(seen: Evidence) -> Verdict:
    """MME-07."""
    found = _loaded(seen, "load-b", "invoke-a-meanwhile")
    if isinstance(found, Verdict):
        return found
    load, meanwhile = found
    if not good(load) or load.seconds > LOADED:
        return broken(f"loading a second model got {called(load)}")
    before = seen.runs["multi-model"].one.exchanges["invoke-a"]
    if meanwhile.status != before.status:
        return broken(f"while another is loaded, the first model got {called(meanwhile)}")
    return kept(f"the first model answers while another is loaded in {load.seconds:.2f} s")


def healthy_without_models(seen: Evidence) -> Verdict:
    """MME-08. Margin: one late ping is forgiven."""
    box = seen.runs["multi-model"].one
    if box.ready is None:
        answers = {str(ping.status) for ping in box.pings if ping.status is not None}
        what = f"/ping was {listed(answers)}" if answers else "/ping was never answered"
        return broken(f"without any model {what}{last_words(box)}")
    after = [ping for ping in box.pings if ping.at >= box.ready]
    slow = [*late(after), *bad_pings(after)]
    text = f"/ping is 200 after {box.ready:.1f} s; {len(slow)} of {len(after)} pings were not"
    return broken(text) if len(slow) > 1 else kept(text)


def leaves_the_models(seen: Evidence) -> Verdict:
    """MME-09: the folders of the models are mounted read-only."""
    found = _loaded(seen, "load-a")
    return found if isinstance(found, Verdict) else kept("models are loaded from folders it cannot write")


def one_port(seen: Evidence) -> Verdict:
    """MME-10."""
    box = seen.runs["multi-model"].one
    if box.ready is None:
        return unseen("it did not come up: see MME-08")
    found = ports(box)
    if not found:
        return unseen("its open ports cannot be seen from here: that needs an engine on this machine")
    others = [str(port) for port, loopback in found.items() if port != 8080 and not loopback]
    text = f"it listens on {listed(str(port) for port in found)}"
    return broken(f"{text}; models and predictions belong on 8080") if others else kept(text)


def _clause(id: str, says: str, severity: Severity, fix: str, judge: Any, source: str = API) -> Clause:  # noqa: A002
    return Clause(
        id=id,
        says=says,
        severity=severity,
        source=source,
        fix=fix,
        judge=judge,
        targets=MULTI,
        needs=("multi-model",),
    )


PART: Final = (
    _clause(
        "MME-01",
        "POST /models loads a model, with 200 once it is loaded and 409 when it was already",
        Severity.MUST,
        "load the model at the url that is given before you answer; 409 if it is loaded, 507 without memory",
        loads,
    ),
    _clause(
        "MME-02",
        'GET /models lists what is loaded, {"models": []} before any is',
        Severity.MUST,
        "answer 200 with modelName and modelUrl of each model",
        lists,
        API + "; pytorch/serve issue 397",
    ),
    _clause(
        "MME-03",
        "GET /models/NAME shows a loaded model and is 404 for others",
        Severity.MUST,
        "answer 200 with modelName and modelUrl, or 404",
        shows,
    ),
    _clause(
        "MME-04",
        "DELETE /models/NAME unloads a model and frees its memory (margin: 32 MiB); 404 for others",
        Severity.MUST,
        "drop all that belongs to the model before you answer 200; a process for each model makes that sure",
        unloads,
    ),
    _clause(
        "MME-05",
        "POST /models/NAME/invoke predicts with a loaded model and is 404 for others",
        Severity.MUST,
        "answer 404 for a model that is not loaded, so that the platform loads it",
        invokes,
    ),
    _clause(
        "MME-06",
        "A model's name may be any long word",
        Severity.MUST,
        "do not parse names, and do not shorten them: the platform's are hashes",
        takes_any_name,
    ),
    _clause(
        "MME-07",
        "A model answers while another is loaded",
        Severity.SHOULD,
        "load in a process or thread of its own",
        works_while_loading,
        "SageMaker Developer Guide, Invoke a multi-model endpoint; public logs",
    ),
    _clause(
        "MME-08",
        "Without any model /ping is 200 within 2 s (margin: one late ping is forgiven)",
        Severity.MUST,
        "start without a model, and load models only when you are asked to",
        healthy_without_models,
        "deduced: the platform loads models only when they are asked",
    ),
    _clause(
        "MME-09",
        "It works with model folders that it cannot write",
        Severity.PLATFORM,
        "write to /tmp",
        leaves_the_models,
        "deduced: /opt/ml/models is the platform's",
    ),
    _clause(
        "MME-10",
        "Models are managed and asked on the one port 8080",
        Severity.SHOULD,
        "set the management and inference address of the model server to the same port",
        one_port,
        "deduced from the contract's paths",
    ),
)
