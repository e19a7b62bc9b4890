"""Which images a lifecycle policy deletes, by the rules that ECR evaluates with."""

from typing import Any

import pytest

from byoc_kit.plan.expiry import Stored, expiring

DAY = 86400.0
NOW = 100 * DAY


def image(day: int, *tags: str) -> Stored:
    """One that was pushed on that day of a hundred."""
    return Stored(digest=f"sha256:{day:064}", tags=tags, pushed_at=day * DAY)


def rule(priority: int, status: str, count: int, **more: Any) -> dict[str, Any]:
    kind = (
        {"countType": "imageCountMoreThan"} if "countUnit" not in more else {"countType": "sinceImagePushed"}
    )
    selection = {"tagStatus": status, "countNumber": count, **kind, **more}
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def gone(rules: list[dict[str, Any]], *images: Stored) -> list[str]:
    return [each.name for each in expiring({"rules": rules}, images, NOW)]


def test_the_newest_versions_are_kept() -> None:
    images = [image(day, f"1.{day}.0", f"c-{day:016}") for day in range(5)]
    assert gone([rule(1, "tagged", 3, tagPatternList=["*.*"])], *images) == ["1.0.0", "1.1.0"]
    assert gone([rule(1, "tagged", 5, tagPatternList=["*.*"])], *images) == []


def test_what_has_no_version_does_not_count() -> None:
    images = [image(1, "1.0.0"), image(2, "c-1"), image(3, "latest"), image(4, "2.0.0")]
    assert gone([rule(1, "tagged", 1, tagPatternList=["*.*"])], *images) == ["1.0.0"]


def test_age_of_images_without_a_tag() -> None:
    rules = [rule(1, "untagged", 14, countUnit="days")]
    assert gone(rules, image(85), image(86), image(99), image(1, "a")) == [image(85).digest[:19]]


def test_a_rule_before_protects_what_it_selects() -> None:
    rules = [rule(2, "any", 1), rule(1, "tagged", 9, tagPrefixList=["prod"])]
    assert gone(rules, image(1, "prod-1"), image(2, "dev"), image(3, "x")) == ["dev"]


def test_all_patterns_must_fit() -> None:
    rules = [rule(1, "tagged", 0, tagPatternList=["a*", "*b"])]
    assert gone(rules, image(1, "ax"), image(2, "ax", "yb"), image(3, "ab")) == ["ax", "ab"]


def test_an_unknown_kind_of_rule_deletes_nothing() -> None:
    other = rule(1, "any", 0)
    other["selection"]["countType"] = "sinceImagePulled"
    assert gone([other], image(1, "a")) == []


@pytest.mark.parametrize(
    ("tags", "name"),
    [(("c-1", "latest", "1.4.2"), "1.4.2"), (("g-1", "latest"), "latest"), (("c-1",), "c-1")],
)
def test_an_image_is_called_by_what_people_know(tags: tuple[str, ...], name: str) -> None:
    assert image(1, *tags).name == name
