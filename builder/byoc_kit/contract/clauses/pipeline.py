"""Inference pipelines and multi-container endpoints (PIP): containers that share one network."""

from typing import Final

from byoc_kit.contract.clauses.served import HINT, asked, called, compared, good, ports
from byoc_kit.contract.clauses.verdicts import broken, kept, listed, unseen
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["BIND", "PART", "SAFE"]

PIPELINE: Final = frozenset({Target.PIPELINE})
BIND: Final = 8123
"""The port that the scenario pipeline asks for, which is not 8080."""
SAFE: Final = range(25000, 26000)
"""The ports that it allows besides, as the platform is seen to do."""
GUIDE: Final = "SageMaker Developer Guide, Inference pipelines"
LONGEST: Final = 60.0
"""Seconds for one invocation, through all containers (PIP-04)."""


def binds_to_its_port(seen: Evidence) -> Verdict:
    """PIP-01."""
    box = seen.runs["pipeline"].one
    if box.ready is not None:
        open_8080 = box.facts.get("open_8080")
        if open_8080:
            return broken(f"it answers on {BIND}, but listens on 8080 too, which may be another container's")
        return kept(f"with SAGEMAKER_BIND_TO_PORT={BIND} it answers on {BIND}, and 8080 is closed")
    if box.facts.get("open_8080") or 8080 in ports(box):
        return broken(f"with SAGEMAKER_BIND_TO_PORT={BIND} it still listens on 8080")
    text = f"with SAGEMAKER_BIND_TO_PORT={BIND} nothing answers there"
    return compared(seen, box, text) or broken(text)


def keeps_to_safe_ports(seen: Evidence) -> Verdict:
    """PIP-02. Listeners on loopback count too: the containers share that as well."""
    box = seen.runs["pipeline"].one
    if box.ready is None:
        return unseen(f"it did not come up on {BIND}: see PIP-01")
    found = ports(box)
    if not found:
        return unseen("its open ports cannot be seen from here: that needs an engine on this machine")
    odd = [str(port) for port in found if port not in {BIND, 8080} and port not in SAFE]
    text = f"it listens on {listed(str(port) for port in found)}"
    safe = f"{SAFE.start}-{SAFE.stop - 1}"
    return broken(f"{text}; {listed(odd)} outside {safe}") if odd else kept(text)


def passes_on(seen: Evidence) -> Verdict:
    """PIP-03: its own answer is given to it as the next request."""
    first, second = asked(seen, "pipeline", "invoke"), asked(seen, "pipeline", "chained")
    if isinstance(first, Verdict):
        return first
    if not good(first) or isinstance(second, Verdict):
        return unseen(f"the request got {called(first)}: {HINT}")
    kind = first.headers.get("content-type", "")
    if not kind:
        return broken("its answer has no Content-Type, which the next container's request would have")
    return kept(f"its answer is {kind}; given to it as a request, it got {called(second)}")


def chain_in_time(seen: Evidence) -> Verdict:
    """PIP-04."""
    first, second = asked(seen, "pipeline", "invoke"), asked(seen, "pipeline", "chained")
    if isinstance(first, Verdict):
        return first
    if isinstance(second, Verdict):
        return second
    taken = first.seconds + second.seconds
    text = f"two containers of this kind take {taken:.2f} s"
    return kept(text) if taken <= LONGEST else broken(text)


PART: Final = (
    Clause(
        id="PIP-01",
        says="It listens on SAGEMAKER_BIND_TO_PORT where that is set, and not on 8080",
        severity=Severity.MUST,
        source=GUIDE,
        fix="take the port from SAGEMAKER_BIND_TO_PORT, with 8080 as default",
        judge=binds_to_its_port,
        targets=PIPELINE,
        needs=("serve", "pipeline"),
    ),
    Clause(
        id="PIP-02",
        says="Other ports that it listens on lie in SAGEMAKER_SAFE_PORT_RANGE",
        severity=Severity.MUST,
        source=GUIDE,
        fix="take ports of your own from SAGEMAKER_SAFE_PORT_RANGE, or use Unix sockets",
        judge=keeps_to_safe_ports,
        targets=PIPELINE,
        needs=("pipeline",),
    ),
    Clause(
        id="PIP-03",
        says="Its answers say what they are, so that the next container can read them",
        severity=Severity.PLATFORM,
        source=GUIDE,
        fix="set Content-Type on answers",
        judge=passes_on,
        targets=PIPELINE,
        needs=("pipeline",),
    ),
    Clause(
        id="PIP-04",
        says="A chain of two such containers answers within 60 s",
        severity=Severity.SHOULD,
        source="deduced from INF-07",
        fix="make prediction quicker",
        judge=chain_in_time,
        targets=PIPELINE,
        needs=("pipeline",),
    ),
)
