"""Nothing of the contract is forgotten: each of its ids is judged, emulated, or explained."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.ids import IDS
from byoc_kit.contract.scenarios import SCENARIOS
from byoc_kit.contract.sections import SECTIONS, section
from byoc_kit.local.plays import PLAYS
from byoc_kit.work.coverage import EMULATED, TESTED, UNTESTED, Covered, beyond, covered
from byoc_kit.work.explain import explain

ROOT = Path(__file__).parents[2]


def test_the_contract_has_241_ids() -> None:
    assert (len(IDS), len(set(IDS))) == (241, 241)
    assert list(dict.fromkeys(map(section, IDS))) == list(SECTIONS)


def test_each_is_there_exactly_once() -> None:
    counts = Counter(each.id for each in covered())
    assert {name: count for name, count in counts.items() if count > 1} == {}
    assert counts.keys() ^ set(IDS) == set()


def test_what_is_said_to_be_tested_is_judged() -> None:
    assert {each.id for each in covered() if each.how == TESTED} == {clause.id for clause in CLAUSES}


@pytest.mark.parametrize("each", [one for one in covered() if one.how != TESTED], ids=lambda one: one.id)
def test_the_others_say_why(each: Covered) -> None:
    assert each.how in {EMULATED, UNTESTED}
    assert each.severity in {"must", "should", "platform", "info"}
    assert each.says.endswith(".")
    assert len(each.why) > 20
    assert each.why in " ".join(explain(each.id).text.split())


def test_every_scenario_can_be_played_and_is_judged() -> None:
    names = {each.name for each in SCENARIOS}
    assert names == set(PLAYS)
    assert {name for clause in CLAUSES for name in clause.needs} == names


def test_must_clauses_that_cannot_be_judged_here_are_few_and_told() -> None:
    assert {"CHN-05", "SLS-02", "TTK-50"} <= beyond().keys()
    assert len(beyond()) < 16


def test_every_clause_belongs_to_a_section() -> None:
    assert {section(clause.id) for clause in CLAUSES} <= SECTIONS.keys()


def test_the_page_of_clauses_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("clause_table", ROOT / "tools" / "clause_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / "clauses.md").read_text(encoding="utf-8")
    assert written == module.page(), "run: python tools/clause_table.py"
