"""Which images a lifecycle policy would delete, by ECR's rules of evaluation. Pure: the time is a parameter.

All rules are evaluated on all images; then they are applied by priority, and what one selects cannot go
by a later one (ECR, "Lifecycle policy evaluation rules").
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Stored", "expiring"]

DAY: Final = 86400.0  # seconds
FOREVER: Final = 1 << 40

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An image as a repository has it."""

    digest: str
    tags: tuple[str, ...]
    pushed_at: float
    """Seconds since the epoch."""

    @property
    def name(self) -> str:
        """A version if it has one, else any tag, else the beginning of its digest."""
        versions = sorted(
            self.tags, key=lambda tag: ("." not in tag, tag.startswith(("c-", "g-", "d-")), tag)
        )
        return versions[0] if versions else self.digest[:19]


def expiring(policy: Mapping[str, Any], images: Sequence[Stored], now: float) -> tuple[Stored, ...]:
    """Those of *images* that *policy* deletes at *now*, the oldest first; unknown kinds of rules: none."""
    rules = sorted(policy.get("rules", ()), key=lambda rule: int(rule["rulePriority"]))
    gone, spared = dict[str, Stored](), set[str]()
    for rule in rules:
        selected = [image for image in images if _selects(rule["selection"], image)]
        for image in _too_many(rule["selection"], selected, now):
            if image.digest not in spared:
                gone.setdefault(image.digest, image)
        spared |= {image.digest for image in selected}
    return tuple(sorted(gone.values(), key=lambda image: (image.pushed_at, image.digest)))


def _selects(selection: Rule, image: Stored) -> bool:
    match selection["tagStatus"]:
        case "any":
            return True
        case "untagged":
            return not image.tags
    patterns = [re.escape(each).replace(r"\*", ".*") for each in selection.get("tagPatternList", ())]
    patterns += [re.escape(each) + ".*" for each in selection.get("tagPrefixList", ())]
    return bool(image.tags) and all(_any(pattern, image.tags) for pattern in patterns)


def _any(pattern: str, tags: Iterable[str]) -> bool:
    return any(re.fullmatch(pattern, tag) for tag in tags)


def _too_many(selection: Rule, selected: Sequence[Stored], now: float) -> Iterable[Stored]:
    count = int(selection.get("countNumber", FOREVER))
    if selection.get("countType") == "imageCountMoreThan":
        return sorted(selected, key=lambda image: -image.pushed_at)[count:]
    if selection.get("countType") == "sinceImagePushed":
        return [image for image in selected if now - image.pushed_at > count * DAY]
    return ()
