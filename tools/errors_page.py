"""Write docs/errors.md from the explanations that the package carries: ``python tools/errors_page.py``."""

from pathlib import Path

from byoc_kit.work.explain import Explanation, explanations

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"

ROOMS = {
    "1": "byoc.toml",
    "2": "The plan and the Dockerfile",
    "3": "Docker and builds",
    "4": "Local runs",
    "5": "Registries and publishing",
    "6": "The contract",
    "7": "Projects and scaffolds",
    "8": "AWS",
    "9": "Resolving and locking",
}
HEAD = """\
# Errors

Every error says what happened, why, and what to do. This page says more; `byoc explain ID` shows the same
on the command line. It is written by `tools/errors_page.py` from the texts in
`builder/byoc_kit/explanations/`: change them there.
"""


def page() -> str:
    """The whole page."""
    known = explanations().values()
    parts = [room(title, [e for e in known if e.id[6] == digit]) for digit, title in ROOMS.items()]
    return "\n".join([HEAD, *filter(None, parts)])


def room(title: str, entries: list[Explanation]) -> str:
    """One section; empty if there is nothing to say."""
    if not entries:
        return ""
    return "\n".join([f"## {title}\n", *(f"### {e.id}\n\n**{e.title}** {e.text}\n" for e in entries)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
