"""Clauses and evidence made up for tests of what judges them and tells about it."""

from collections.abc import Mapping

from byoc_kit.contract.evidence import Container, Depth, Event, Exchange, File, ImageFacts, Ping, Run
from byoc_kit.contract.types import ALL_TARGETS, Clause, Evidence, Outcome, Severity, Verdict
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.spec.types import Target

SERVED = Run(
    scenario="serve",
    containers=(
        Container(
            name="model",
            command=("serve",),
            exit_code=0,
            seconds=7.5,
            stopping=0.4,
            log="listening <on> 8080 & ready\n",
            files=(File(path="/tmp/x", kind="fifo", mode=0o600, uid=7, text="a\x00b", utf8=False),),
            pings=(
                Ping(at=0.5, status=None, seconds=0.01),
                Ping(at=1.0, status=200, seconds=0.002, connect=0.0005),
            ),
            exchanges={
                "plain": Exchange(
                    method="POST",
                    path="/invocations",
                    at=2.0,
                    sent=12,
                    status=200,
                    body='{"é": 1}',
                    seconds=3.0,
                )
            },
            events=(Event(0.0, "started"), Event(7.1, "SIGTERM"), Event(7.5, "ended")),
            facts={"pid1": "python", "workers": 2, "share": 0.5, "open": True, "nothing": None},
        ),
    ),
    seconds=8.25,
)

EVIDENCE = Evidence(
    image="docker:churn",
    config=ImageConfig(
        entrypoint=("/entry",),
        cmd=None,
        env={"PATH": "/usr/bin", "AWS_SECRET_ACCESS_KEY": "hunter2"},
        labels={"a": "b"},
        volumes=("/data",),
        platform=Platform("linux", "arm64"),
    ),
    targets=(Target.TRAINING, Target.HOSTING),
    expected=Platform(),
    size=12,
    commands=frozenset({"train", "serve"}),
    facts=ImageFacts(distributions={"numpy": "2.0"}, python=(3, 11)),
    depth=Depth.QUICK,
    runs={"serve": SERVED},
)


def clause(
    name: str,
    outcome: Outcome,
    *,
    severity: Severity = Severity.MUST,
    breaks: frozenset[Target] = ALL_TARGETS,
    contested: str = "",
    needs: tuple[str, ...] = (),
) -> Clause:
    """A clause that finds *outcome* in whatever it is shown."""
    return Clause(
        id=name,
        says=f"{name} holds <for> all & sundry",
        severity=severity,
        source="somebody's page",
        fix=f"mend {name}",
        judge=lambda _: Verdict(outcome, f"what {name} saw", breaks),
        contested=contested,
        needs=needs,
    )


def case(clauses: Mapping[str, Outcome]) -> list[Clause]:
    """A MUST clause for each."""
    return [clause(name, outcome) for name, outcome in clauses.items()]
