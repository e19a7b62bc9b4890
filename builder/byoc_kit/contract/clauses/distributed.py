"""Jobs on several hosts (DIS), whose names are not known before (CFG-06)."""

from typing import Final

from byoc_kit.contract.clauses.trained import by_name, ground, why
from byoc_kit.contract.clauses.verdicts import NOBODY, TRAINING, broken, kept, unseen
from byoc_kit.contract.evidence import Container
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict

__all__ = ["PART"]

PAGE: Final = "AWS docs: your-algorithms-training-algo-running-container"


def _bad(seen: Evidence, prefix: str) -> Container | None:
    """The first host that did not end well, of those whose names begin so."""
    hosts = (each for each in seen.runs["train-hosts"].containers if each.name.startswith(prefix))
    return next((each for each in hosts if each.exit_code != 0), None)


def _told(bad: Container | None) -> str:
    return f"{bad.name.removeprefix('whole-')}: {why(bad)}" if bad else "one fails"


def trains_on_two_hosts(seen: Evidence) -> Verdict:
    """DIS-01."""
    if nothing := ground(seen):
        return nothing
    if by_name(seen.runs["train-hosts"], "usual-algo-1") is None:
        return kept("two hosts train")
    if bad := _bad(seen, "usual-"):
        return broken(f"of two hosts, {bad.name.removeprefix('usual-')}: {why(bad)}", NOBODY)
    return kept("two hosts train, called algo-1 and algo-2")


def takes_any_names(seen: Evidence) -> Verdict:
    """CFG-06."""
    if nothing := ground(seen):
        return nothing
    if by_name(seen.runs["train-hosts"], "usual-algo-1") is None:
        return kept("two hosts called algo-2 and algo-3 train")
    if _bad(seen, "usual-"):
        return unseen("two hosts do not train, whatever their names: see DIS-01")
    bad = _bad(seen, "whole-")
    return broken(f"called algo-1 and algo-2 two hosts train; called algo-2 and algo-3, {_told(bad)}")


def ends_with_its_peers(seen: Evidence) -> Verdict:
    """DIS-02."""
    if nothing := ground(seen):
        return nothing
    left = by_name(seen.runs["train-peer-dies"], "algo-2")
    if left is not None and left.facts.get("early"):
        return unseen("both hosts ended before one of them could die")
    if left is None or not left.killed:
        return kept("when one host dies, the other ends")
    return broken(f"algo-1 was killed, and algo-2 still ran {left.facts.get('after')} s later", NOBODY)


def trains_in_groups(seen: Evidence) -> Verdict:
    """DIS-04."""
    if nothing := ground(seen):
        return nothing
    bad = next((each for each in seen.runs["train-groups"].containers if each.exit_code != 0), None)
    if bad is None:
        return kept("three hosts in two instance groups train")
    return broken(f"of three hosts in two groups {bad.name}: {why(bad)}")


PART: Final = (
    Clause(
        id="CFG-06",
        says="Hosts are told by resourceconfig.json, and need not be called algo-1.",
        severity=Severity.MUST,
        source=PAGE,
        fix="take the rank from hosts.index(current_host) and the leader from hosts[0]",
        judge=takes_any_names,
        targets=TRAINING,
        needs=("train", "train-hosts"),
    ),
    Clause(
        id="DIS-01",
        says="Runs as the same image on each of several hosts.",
        severity=Severity.MUST,
        source=PAGE,
        fix="read `hosts`, look their names up until they resolve, and meet on any port",
        judge=trains_on_two_hosts,
        targets=TRAINING,
        needs=("train", "train-hosts"),
    ),
    Clause(
        id="DIS-02",
        says="A host does not wait for ever for one that has died.",
        severity=Severity.MUST,
        source="deduced: the job goes on until its last host has ended",
        fix="set time limits on connections and barriers, and end when one is over",
        judge=ends_with_its_peers,
        targets=TRAINING,
        needs=("train", "train-peer-dies"),
    ),
    Clause(
        id="DIS-04",
        says="Runs in several instance groups, which all have the same image.",
        severity=Severity.SHOULD,
        source="AWS docs: train-heterogeneous-cluster",
        fix="choose by current_group_name, and do not rely on the order of a group's hosts",
        judge=trains_in_groups,
        targets=TRAINING,
        needs=("train", "train-groups"),
    ),
)
