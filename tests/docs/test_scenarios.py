"""The page about jobs tells every scenario that is played with them."""

from byoc_kit.contract.scenarios import TRAINING_SCENARIOS
from docs.pages import ROOT


def test_every_scenario_of_jobs_is_in_the_page() -> None:
    page = (ROOT / "docs/verify-jobs.md").read_text(encoding="utf-8")
    assert [each.name for each in TRAINING_SCENARIOS if f"`{each.name}`" not in page] == []
