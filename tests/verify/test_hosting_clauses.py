"""Every clause of hosting is seen kept and broken on evidence made by hand, and silent where it must be."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.evidence import Case, Container, Exchange, ImageFacts, Ping, Run
from byoc_kit.contract.evidence import File as EvidenceFile
from byoc_kit.contract.judge import judge
from byoc_kit.contract.types import Evidence, Finding, Status
from byoc_kit.oci.config import ImageConfig
from byoc_kit.spec.types import Target

BIDIRECTIONAL = "com.amazonaws.sagemaker.capabilities.bidirectional-streaming"
SINGLE = frozenset(
    {Target.HOSTING, Target.BATCH, Target.ASYNC, Target.SERVERLESS, Target.STREAMING, Target.PIPELINE}
)


def answer(status: int | None = 200, **more: Any) -> Exchange:
    plain = {"method": "POST", "path": "/invocations", "at": 3.0, "seconds": 0.1, "digest": "d", "lines": 1}
    return Exchange(**{**plain, "status": status, **more})


def ping(at: float, **more: Any) -> Ping:
    return Ping(**{"at": at, "status": 200, "seconds": 0.01, "connect": 0.001, **more})


PINGS = tuple(ping(2 + number / 5) for number in range(20))


def box(name: str = "model", **more: Any) -> Container:
    plain: dict[str, Any] = {"seconds": 20.0, "pings": PINGS, "facts": {"ports": "8080", "processes": 2}}
    return Container(**{"name": name, **plain, **more})


def run(name: str, *containers: Container) -> Run:
    return Run(scenario=name, containers=containers, seconds=1.0)


NAMES = {"a": "a" * 64, "b": "b" * 64}
MODELS = {
    "list-none": answer(body='{"models": []}'),
    "show-unknown": answer(404),
    "delete-unknown": answer(404),
    "invoke-unknown": answer(404),
    "load-a": answer(),
    "load-a-again": answer(409),
    "show-a": answer(body=f'{{"modelName": "{NAMES["a"]}", "modelUrl": "/m"}}'),
    "list-a": answer(body=f'{{"models": [{{"modelName": "{NAMES["a"]}", "modelUrl": "/m"}}]}}'),
    "invoke-a": answer(),
    "load-b": answer(),
    "invoke-a-meanwhile": answer(),
    "list-both": answer(
        body='{"models": [{"modelName": "a", "modelUrl": "/"}, {"modelName": "b", "modelUrl": "/"}]}'
    ),
    "delete-a": answer(),
    "invoke-deleted": answer(404),
}
ASKED = {
    "first": answer(),
    "invoke": answer(),
    "headers": answer(),
    "session": answer(),
    "unknown-session": answer(),
    "unknown": answer(404),
    "models": answer(404),
    "metrics": answer(404),
    "bad-json": answer(400),
    "bad-type": answer(415),
    "empty": answer(400),
    "ping-after-bad": answer(),
    "in-flight": answer(),
}
LINES = {f"lines-{count}": answer(lines=count, body="1\n" * min(count, 9)) for count in (1, 10, 1000)}
MANY = {f"parallel-{number}": answer(at=7.0) for number in range(50)}
SOCKET = {"handshake": 101, "pong": 0.1, "ping_after": 200, "text": "answered", "binary": "closed"}
RUNS: Mapping[str, Run] = {
    "serve": run("serve", box(exchanges=ASKED, exit_code=0, stopping=1.0)),
    "serve-load": run(
        "serve-load",
        box(
            exchanges={"invoke": answer(), "slow": answer(at=2.0, seconds=3.0), **MANY},
            pings=(*PINGS, *(ping(7 + number / 10) for number in range(5))),
        ),
    ),
    "serve-large": run(
        "serve-large",
        box(exchanges={"invoke": answer(), "6MiB": answer(), "25MB": answer()}, exit_code=0, stopping=1.0),
    ),
    "serve-no-model": run("serve-no-model", box(pings=(), exit_code=1)),
    "serve-copies": run("serve-copies", box("model-1"), box("model-2")),
    "serve-crash": run("serve-crash", box("model-1", facts={"processes": 2, "killed a": "ended 1"})),
    "serverless": run(
        "serverless",
        box("strict", exchanges={"4MB": answer()}, facts={"processes": 2, "commands": "sh serve\npython s"}),
    ),
    "batch": run(
        "batch",
        box(
            exchanges={
                "invoke": answer(),
                "parameters": answer(404),
                "again": answer(),
                "chunked": answer(),
                "100MB": answer(),
                "trailing": answer(body="1\n"),
                **LINES,
            }
        ),
    ),
    "async": run(
        "async",
        box(
            exchanges={
                "large": answer(sent=10**8),
                "slow": answer(seconds=3.0),
                "in-flight": answer(),
                "invoke": answer(),
            },
            facts={"commands": "python serve"},
        ),
    ),
    "stream": run(
        "stream",
        box(
            exchanges={
                "invoke": answer(headers={"transfer-encoding": "chunked"}, first_byte=0.1, seconds=1.0)
            }
        ),
    ),
    "bidirectional": run("bidirectional", box(facts={**SOCKET, "fragments": "answered"})),
    "multi-model": run(
        "multi-model",
        box(
            exchanges=MODELS,
            facts={"ports": "8080", "memory_before": 10, "memory_after": 20, "cycles": 3},
        ),
    ),
    "pipeline": run(
        "pipeline",
        box(
            exchanges={"invoke": answer(headers={"content-type": "text/csv"}), "chained": answer()},
            facts={"ports": "8123 25001@loopback", "open_8080": False},
        ),
    ),
}
GOOD = Evidence(
    image="docker:churn",
    config=ImageConfig(entrypoint=("serve",), labels={BIDIRECTIONAL: "true"}),
    targets=(*SINGLE, Target.MULTI_MODEL),
    runs=RUNS,
)
OURS = [clause for clause in CLAUSES if {*clause.needs} & RUNS.keys()]

Change = Callable[[Container], Container]


def changed(scenario: str, change: Change, *more: Container) -> Evidence:
    """The good evidence in which one scenario's first container is another; *more* come after it."""
    old = RUNS[scenario]
    new = replace(old, containers=(change(old.one), *old.containers[1:], *more))
    return replace(GOOD, runs={**RUNS, scenario: new})


def other(scenario: str, **exchanges: Exchange | None) -> Evidence:
    """One in which *exchanges* went another way, or were not made; ``_`` stands for ``-``."""
    names = {name.replace("_", "-"): value for name, value in exchanges.items()}

    def change(old: Container) -> Container:
        both = {**old.exchanges, **names}
        return replace(old, exchanges={name: value for name, value in both.items() if value is not None})

    return changed(scenario, change)


def died_before(box: Container) -> Container:
    """One that had ended before it was told to: the request that was to be under way found nobody."""
    refused = {**box.exchanges, "in-flight": answer(None, error="refused")}
    return replace(box, stopping=None, exit_code=1, exchanges=refused)


def facts(scenario: str, **new: Any) -> Evidence:
    """One in which something else was seen."""
    return changed(scenario, lambda old: replace(old, facts={**old.facts, **new}))


def never(**more: Any) -> Evidence:
    """One in which the server never came up."""
    return changed(
        "serve", lambda old: replace(old, **{"pings": (), "exchanges": {}, "exit_code": None, **more})
    )


def finding(clause: str, evidence: Evidence) -> Finding:
    report = judge(evidence, [each for each in OURS if each.id == clause])
    return report.findings[0]


def test_a_good_image_keeps_all_that_applies() -> None:
    found = {each.id: each.status for each in judge(GOOD, OURS).findings}
    skipped = {"INF-12", "INF-16", "INF-23", "STS-01", "STS-02"}
    assert {name for name, status in found.items() if status is not Status.PASS} == skipped
    assert {found[name] for name in skipped} == {Status.SKIP}


FAIL, WARN, NOT_RUN, PASS, SKIP = Status.FAIL, Status.WARN, Status.NOT_RUN, Status.PASS, Status.SKIP
LATE = tuple(replace(each, seconds=2.5) for each in PINGS[1:3])
ONE_LATE = (*PINGS, replace(PINGS[-1], at=9.0, status=None, seconds=4.0))
SLOW = tuple(replace(each, connect=1.0) for each in PINGS[1:3])
ERROR = {"error": "no whole answer within 30 s"}
CASE = replace(GOOD, case=Case(request="rows.json", expect="^5$"))
LOG = "Traceback\nsocket.gaierror: [Errno -3] Temporary failure in name resolution\n"

BROKEN: list[tuple[str, Evidence, Status, str]] = [
    ("INF-01", never(facts={"ports": "8080@loopback"}), FAIL, "127.0.0.1:8080 only"),
    ("INF-01", never(facts={"ports": "5000"}), FAIL, "5000 only"),
    ("INF-02", never(pings=(ping(1, status=500), ping(2, status=404))), FAIL, "404, 500, never with 200"),
    ("INF-02", never(pings=(ping(1, status=None),)), FAIL, "nothing, though it takes connections"),
    ("INF-02", changed("serve", lambda old: replace(old, pings=(*PINGS, *LATE))), FAIL, "2 of 21 pings"),
    (
        "INF-02",
        changed("serve", lambda old: replace(old, pings=(*PINGS, ping(9, status=503)))),
        FAIL,
        "1 of 20 pings after the first good one: 503",
    ),
    ("INF-02", changed("serve", lambda old: replace(old, pings=ONE_LATE)), PASS, "20 pings"),
    ("INF-03", changed("serve-load", lambda old: replace(old, pings=(*PINGS, *SLOW))), FAIL, "2 of 40"),
    ("INF-03", changed("serve", lambda old: replace(old, pings=(*PINGS, SLOW[0]))), PASS, "slowest 1000 ms"),
    ("INF-04", never(exit_code=1, log="boom\n"), FAIL, "it ended with 1 after 20.0 s; it said: boom"),
    ("INF-04", never(refused="no such file"), FAIL, "it could not be started: no such file"),
    (
        "INF-04",
        replace(never(refused="no such file"), config=ImageConfig(), commands=frozenset()),
        NOT_RUN,
        "see IMG-01",
    ),
    ("INF-04", never(), FAIL, "nothing accepted connections on 8080 within 20 s"),
    ("INF-04", changed("serve", lambda old: replace(old, pings=(ping(300),))), WARN, "300.0 s: over"),
    (
        "INF-04",
        never(exit_code=1, log="no file /opt/ml/model/m", facts={"model": False}),
        NOT_RUN,
        "it needs a model",
    ),
    (
        "INF-02",
        never(pings=(ping(1, status=503),), log="no /opt/ml/model", facts={"model": False}),
        NOT_RUN,
        "see INF-04",
    ),
    ("INF-05", other("serve", first=answer(503)), WARN, "the request right after it 503, later 200"),
    (
        "INF-05",
        changed("serve-no-model", lambda _: box(exchanges={"invoke": answer(500)})),
        WARN,
        "without its model /ping is 200",
    ),
    ("INF-06", changed("serve", lambda old: replace(old, pings=ONE_LATE)), WARN, "19 of 20"),
    ("INF-07", other("serve", invoke=answer(None, **ERROR)), FAIL, "no whole answer within 30 s"),
    ("INF-07", other("serve", invoke=answer(500)), NOT_RUN, "--request FILE"),
    ("INF-07", other("serve", invoke=answer(415)), PASS, "--request FILE"),
    ("INF-07", replace(CASE, runs=other("serve", invoke=answer(415)).runs), FAIL, "status 415"),
    ("INF-07", replace(CASE, runs=other("serve", invoke=answer(body="6")).runs), FAIL, "does not hold"),
    ("INF-07", replace(CASE, runs=other("serve", invoke=answer(body="5")).runs), PASS, "status 200"),
    ("INF-08", other("serve", invoke=answer(404)), FAIL, "POST /invocations is 404"),
    ("INF-08", other("serve", models=answer(None, **ERROR)), FAIL, "no whole answer"),
    ("INF-08", other("serve", unknown=answer(200)), WARN, "200 where it should be 404"),
    ("INF-09", other("serve", bad_json=answer(None, error="gone")), FAIL, "no answer to bad-json: gone"),
    ("INF-09", other("serve", ping_after_bad=answer(500)), FAIL, "GET /ping got status 500"),
    ("INF-09", other("serve", empty=answer(500)), WARN, "empty: 500"),
    ("INF-10", other("serve-large", **{"6MiB": answer(413)}), FAIL, "6 MiB got status 413"),
    ("INF-10", other("serve-large", **{"25MB": answer(None, **ERROR)}), WARN, "25 MB got no answer"),
    ("INF-11", other("serve", headers=answer(400)), WARN, "400 with headers"),
    (
        "INF-12",
        other("serve", headers=answer(headers={"x-amzn-sagemaker-custom-attributes": "é"})),
        WARN,
        "not all visible",
    ),
    ("INF-13", changed("serve", lambda old: replace(old, exit_code=137, killed=True)), FAIL, "was killed"),
    ("INF-13", changed("serve-large", lambda old: replace(old, exit_code=137)), FAIL, "with an init"),
    ("INF-13", other("serve", in_flight=answer(None, error="reset")), FAIL, "cut off (reset)"),
    ("INF-13", other("serve", in_flight=answer(502)), WARN, "under way got 502"),
    ("INF-13", changed("serve", died_before), PASS, "with an init"),
    ("INF-14", changed("serve", lambda _: box(pings=()), box("model-writable")), FAIL, "never 200"),
    (
        "INF-14",
        changed(
            "serve",
            lambda old: replace(old, exchanges={**ASKED, "invoke": answer(500)}),
            box("model-writable", exchanges={"invoke": answer()}),
        ),
        FAIL,
        "can be written, 200",
    ),
    (
        "INF-16",
        replace(GOOD, facts=ImageFacts(files=(EvidenceFile(path="/opt/ml/model/m.bin"),))),
        WARN,
        "the image has a model",
    ),
    ("INF-17", changed("serve-large", lambda old: replace(old, pings=())), WARN, "100 variables"),
    ("INF-18", changed("serve-copies", lambda old: replace(old, pings=())), WARN, "not without"),
    ("INF-19", changed("serve-copies", lambda old: replace(old, out_of_memory=True)), WARN, "out of memory"),
    ("INF-20", facts("serve-crash", **{"killed a": "lame"}), FAIL, "killed a: the container goes on"),
    ("INF-20", facts("serve-crash", **{"killed a": "ended 0"}), WARN, "exit code 0"),
    ("INF-20", facts("serve-crash", processes=None), NOT_RUN, "cannot be reached from here"),
    ("INF-21", changed("serve-load", lambda old: replace(old, pings=(PINGS[0], *LATE))), WARN, "2 of 3"),
    ("INF-22", other("serve-load", parallel_1=answer(500, at=7.0)), WARN, "1 of 50 requests at once"),
    ("INF-22", other("serve-load", parallel_1=answer(503, at=7.0)), PASS, "50 requests at once"),
    (
        "INF-22",
        changed("serve-load", lambda old: replace(old, pings=tuple(ping(8, status=503) for _ in "ab"))),
        NOT_RUN,
        "it came up in the scenario serve, and not here",
    ),
    (
        "INF-22",
        changed("serve-load", lambda old: replace(old, pings=(*PINGS, *(ping(8, status=503),) * 2))),
        WARN,
        "2 pings were not 200",
    ),
    ("INF-23", other("serve", metrics=answer(body="<html>\nx\n")), WARN, "not Prometheus text"),
    ("INF-23", other("serve", metrics=answer(body='# HELP a b\na_total{b="c"} 1.0\ncut o')), PASS, "text"),
    ("INF-24", never(exit_code=1, log=LOG), FAIL, "Temporary failure in name resolution"),
    ("INF-30", other("stream", invoke=answer(seconds=1.0)), FAIL, "came whole after 1.00 s"),
    ("INF-30", other("stream", invoke=answer()), NOT_RUN, "came whole"),
    (
        "INF-30",
        other(
            "stream",
            invoke=answer(headers={"transfer-encoding": "chunked"}, first_byte=0.98, seconds=1.0),
        ),
        FAIL,
        "the first byte of the answer came after 0.98",
    ),
    (
        "INF-17",
        changed("serve-large", lambda old: replace(old, pings=(), exit_code=None, seconds=12.0)),
        NOT_RUN,
        "a busy machine",
    ),
    ("BAT-01", changed("batch", lambda old: replace(old, pings=(), exit_code=1)), FAIL, "does not come up"),
    ("BAT-01", changed("batch", lambda old: replace(old, pings=(), seconds=12.0)), NOT_RUN, "a busy machine"),
    (
        "INF-05",
        changed("serve-no-model", lambda old: replace(old, exit_code=None, seconds=12.0)),
        NOT_RUN,
        "a busy machine",
    ),
    ("INF-31", changed("serve-copies", lambda old: replace(old, pings=())), WARN, "1 of 2 copies"),
    (
        "STS-01",
        other("serve", session=answer(headers={"x-amzn-sagemaker-new-session-id": "x" * 300})),
        WARN,
        "300",
    ),
    (
        "STS-01",
        other("serve", session=answer(headers={"x-amzn-sagemaker-session-id": "s; Expires=x"})),
        PASS,
        "1 char",
    ),
    (
        "STS-01",
        other("serve", session=answer(headers={"x-amzn-sagemaker-session-id": "NEW_SESSION"})),
        SKIP,
        "no session",
    ),
    (
        "STS-02",
        other("serve", session=answer(headers={"x-amzn-sagemaker-new-session-id": "s"})),
        WARN,
        "status 200",
    ),
    ("BID-01", facts("bidirectional", handshake=404), FAIL, "got 404"),
    ("BID-02", facts("bidirectional", pong=None), FAIL, "not answered with a Pong"),
    ("BID-02", facts("bidirectional", handshake=404), NOT_RUN, "see BID-01"),
    ("BID-03", facts("bidirectional", binary="lost"), WARN, "binary: lost"),
    ("BID-04", facts("bidirectional", ping_after=503), FAIL, "503 while"),
    ("BAT-01", other("batch", invoke=answer(404)), FAIL, "status 404"),
    ("BAT-02", other("batch", parameters=answer(body="<html>")), WARN, "no JSON"),
    ("BAT-02", other("batch", parameters=answer(body="[]")), WARN, "no JSON object"),
    ("BAT-02", other("batch", parameters=answer(500)), WARN, "200 or 404"),
    (
        "BAT-02",
        other("batch", parameters=answer(body='{"MaxConcurrentTransforms": 8, "MaxPayloadInMB": 20}')),
        WARN,
        "over 100 MB",
    ),
    ("BAT-02", other("batch", parameters=answer(body='{"BatchStrategy": "ALL"}')), WARN, "'ALL'"),
    ("BAT-02", other("batch", parameters=answer(body='{"MaxPayloadInMB": "6"}')), WARN, "are numbers"),
    ("BAT-03", other("batch", lines_10=answer(lines=1)), FAIL, "10 lines are answered with 1"),
    ("BAT-03", other("batch", lines_1000=answer(413)), FAIL, "1000 lines got status 413"),
    ("BAT-03", other("batch", lines_10=answer(lines=10, body="2\n1\n")), FAIL, "the first of ten"),
    ("BAT-03", other("batch", lines_1=None), NOT_RUN, "has no lines"),
    ("BAT-04", other("batch", chunked=answer(400)), FAIL, "in chunks status 400"),
    ("BAT-04", other("batch", **{"100MB": answer(413)}), WARN, "100 MB got status 413"),
    ("BAT-05", other("batch", again=answer(digest="e")), WARN, "different answers"),
    ("BAT-06", changed("batch", lambda old: replace(old, pings=(*PINGS, *LATE))), FAIL, "19 of 21"),
    ("BAT-07", other("batch", trailing=answer(400)), WARN, "status 400"),
    ("ASY-01", other("async", large=answer(413, sent=10**8)), WARN, "100 MB got status 413"),
    ("ASY-02", other("async", slow=answer(504)), WARN, "status 504"),
    ("ASY-02", facts("async", commands="/usr/bin/gunicorn -w 4 app"), WARN, "after 30 s"),
    ("ASY-02", facts("async", commands="gunicorn --timeout 60 app"), WARN, "after 60 s"),
    ("ASY-02", facts("async", commands="gunicorn --timeout 0 app"), PASS, "3 s"),
    ("ASY-02", facts("async", commands="gunicorn -c conf.py app"), PASS, "3 s"),
    ("ASY-03", other("async", in_flight=answer(None, error="reset")), WARN, "no answer (reset)"),
    (
        "IMG-06",
        changed("serverless", lambda old: replace(old, pings=(), log="denied"), box("limits")),
        WARN,
        "it said: denied",
    ),
    ("SLS-03", facts("serverless", commands="python s\n" * 4), WARN, "4 of python s"),
    ("SLS-05", other("serverless", **{"4MB": answer(413)}), WARN, "4 MB got status 413"),
    ("MME-01", other("multi-model", load_a_again=answer()), FAIL, "409 is right"),
    ("MME-01", other("multi-model", load_a=answer(405)), FAIL, "POST /models got status 405"),
    ("MME-01", other("multi-model", load_a=answer(500)), NOT_RUN, "--model"),
    ("MME-02", other("multi-model", list_none=answer(404)), FAIL, "got status 404"),
    ("MME-02", other("multi-model", list_none=MODELS["list-both"]), FAIL, "lists 2 models"),
    ("MME-02", other("multi-model", list_both=MODELS["list-a"]), FAIL, "with two models loaded"),
    ("MME-03", other("multi-model", show_unknown=answer()), FAIL, "404 is right"),
    ("MME-03", other("multi-model", show_a=answer(body="{}")), FAIL, "GET /models/NAME got"),
    ("MME-04", other("multi-model", delete_unknown=answer()), FAIL, "404 is right"),
    ("MME-04", other("multi-model", invoke_deleted=answer()), FAIL, "a request then status 200"),
    ("MME-04", facts("multi-model", memory_after=50 << 20), FAIL, "holds 49 MiB more"),
    ("MME-05", other("multi-model", invoke_unknown=answer(500)), FAIL, "404 is right"),
    ("MME-05", other("multi-model", invoke_a=answer(404)), FAIL, "for a loaded model got status 404"),
    ("MME-06", other("multi-model", list_a=MODELS["list-both"]), FAIL, "is listed as a, b"),
    ("MME-07", other("multi-model", invoke_a_meanwhile=answer(503)), WARN, "status 503"),
    ("MME-08", changed("multi-model", lambda old: replace(old, pings=(ping(1, status=503),))), FAIL, "503"),
    ("MME-08", changed("multi-model", lambda old: replace(old, pings=(*PINGS, *LATE))), FAIL, "2 of 21"),
    ("MME-09", other("multi-model", load_a=answer(500)), NOT_RUN, "MME-01"),
    ("MME-10", facts("multi-model", ports="8080 8081"), WARN, "belong on 8080"),
    ("PIP-01", facts("pipeline", open_8080=True), FAIL, "listens on 8080 too"),
    (
        "PIP-01",
        changed("pipeline", lambda old: replace(old, pings=(), facts={"open_8080": True})),
        FAIL,
        "still listens on 8080",
    ),
    ("PIP-02", facts("pipeline", ports="8123 9000@loopback"), FAIL, "9000 outside 25000-25999"),
    ("PIP-02", facts("pipeline", ports=""), NOT_RUN, "cannot be seen from here"),
    ("PIP-03", other("pipeline", invoke=answer()), WARN, "no Content-Type"),
    ("PIP-04", other("pipeline", chained=answer(seconds=61.0)), WARN, "61.10 s"),
]


@pytest.mark.parametrize(("clause", "evidence", "status", "says"), BROKEN)
def test_verdict(clause: str, evidence: Evidence, status: Status, says: str) -> None:
    found = finding(clause, evidence)
    assert found.status is status, found.evidence
    assert says in found.evidence


def test_each_clause_is_broken_somewhere() -> None:
    told = {clause for clause, _, status, _ in BROKEN if status in {FAIL, WARN}}
    without = {"MME-09", "SLS-04"}  # what breaks MME-09 is told by MME-01
    assert {clause.id for clause in OURS} - without <= told


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        (never(facts={"ports": "5000"}), "INF-01"),
        (never(pings=(ping(1, status=500),)), "INF-02"),
        (never(exit_code=1, log="boom"), "INF-04"),
        (never(exit_code=1, log=LOG), "INF-24"),
        (changed("serve", lambda _: box(pings=(), exchanges={}), box("model-writable")), "INF-14"),
    ],
)
def test_a_server_that_does_not_come_up_breaks_one_clause_only(evidence: Evidence, cause: str) -> None:
    single = replace(evidence, targets=(Target.HOSTING,), runs={"serve": evidence.runs["serve"]})
    mine = [clause for clause in OURS if clause.needs == ("serve",)]
    found = judge(single, mine).findings
    assert [each.id for each in found if each.status in {FAIL, WARN}] == [cause]
    others = {each.status for each in found if each.id != cause}
    assert others == {NOT_RUN}
    assert all(cause in each.evidence for each in found if each.id != cause)


def test_what_hosting_breaks_does_not_break_training() -> None:
    both = replace(never(exit_code=1), targets=(Target.TRAINING, Target.HOSTING))
    assert judge(both, OURS).targets == {Target.TRAINING: True, Target.HOSTING: False}


def test_without_the_label_nobody_asks_for_websockets() -> None:
    plain = replace(GOOD, config=ImageConfig(), runs={**RUNS, "bidirectional": run("bidirectional")})
    found = [each for each in judge(plain, OURS).findings if each.id.startswith("BID")]
    assert {each.status for each in found} == {SKIP}


def test_the_toolkit_is_not_asked_to_run_without_root() -> None:
    strict = changed("serverless", lambda old: replace(old, pings=()), box("limits"))
    toolkit = replace(strict, facts=ImageFacts(distributions={"sagemaker-inference": "1.10.1"}))
    assert finding("IMG-06", toolkit).status is SKIP
