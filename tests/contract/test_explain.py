"""Every error that a user can meet is explained, in the command line and in the docs."""

import importlib.util
import re
from pathlib import Path

import pytest

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.errors import UsageError
from byoc_kit.work.explain import explain, explanations, known_ids

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "builder" / "byoc_kit"
ID = re.compile(r"BYOC-E[0-9]{3}")


def used_ids() -> set[str]:
    """The ids that errors carry: those that stand alone in quotes."""
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py") if "_assets" not in path.parts
    )
    return set(re.findall(r'"(BYOC-E[0-9]{3})"', text))


def test_what_is_used_is_explained() -> None:
    assert used_ids() - explanations().keys() == set()


def test_what_is_explained_is_used() -> None:
    assert explanations().keys() - used_ids() == set()


@pytest.mark.parametrize("name", sorted(explanations()))
def test_an_explanation_has_a_sentence_and_a_paragraph(name: str) -> None:
    found = explain(name)
    assert ID.fullmatch(found.id)
    assert found.title.endswith(".")
    assert len(found.text) > 80
    assert "`byoc explain`" not in found.title


def test_the_page_of_errors_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("errors_page", ROOT / "tools" / "errors_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == module.page(), "run: python tools/errors_page.py"


def test_clauses_are_explained_too() -> None:
    assert {clause.id for clause in CLAUSES} <= {each.id for each in known_ids()}
    assert "source: " in explain("img-02").text


@pytest.mark.parametrize("name", ["BYOC-E505", "byoc-e505", "E505", " e505 "])
def test_an_id_is_understood_however_it_is_typed(name: str) -> None:
    assert explain(name).id == "BYOC-E505"


def test_an_unknown_id_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        explain("IMG-2")
    assert caught.value.why.startswith("did you mean IMG-2")
    with pytest.raises(UsageError) as caught:
        explain("something else")
    assert caught.value.why == "ids look like BYOC-E101 or IMG-02"
