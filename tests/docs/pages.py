"""The project's pages as tests read them: fenced blocks, links, and commands with what they should print."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

FENCE = re.compile(r"(?ms)^```([^\n]*)\n(.*?)^```$")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"(?m)^#+ (.+)$")


@dataclass(frozen=True, slots=True)
class Command:
    """One ``$`` line with its ``>`` lines, and the lines that should follow it, ``...`` for anything."""

    text: str
    output: tuple[str, ...]

    def with_words(self, words: Mapping[str, str]) -> "Command":
        """The same with each key of *words* replaced by its value, in command and output."""
        text, output = self.text, self.output
        for word, value in words.items():
            text, output = text.replace(word, value), tuple(line.replace(word, value) for line in output)
        return Command(text, output)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the words after the fence, and the text."""

    words: tuple[str, ...]
    text: str

    def commands(self) -> Iterator[Command]:
        """The commands of a ``console`` block."""
        for part in re.split(r"(?m)^\$ ", self.text)[1:]:
            first, *lines = part.rstrip("\n").split("\n")
            more = [line[2:] for line in lines if line.startswith(">")]
            yield Command(
                "\n".join([first, *more]), tuple(line for line in lines if not line.startswith(">"))
            )


def blocks(page: Path, language: str) -> list[Block]:
    """The fenced blocks of *page* in *language*."""
    found = [Block(tuple(words.split()), text) for words, text in FENCE.findall(page.read_text())]
    return [block for block in found if block.words[:1] == (language,)]


def needs_engine(page: Path) -> bool:
    """Whether one of the page's console blocks says so."""
    return any("engine" in block.words for block in blocks(page, "console"))


def needs_ecr(page: Path) -> bool:
    """Whether one of the page's console blocks says that Amazon ECR must be there."""
    return any("ecr" in block.words for block in blocks(page, "console"))


def commands(page: Path) -> list[Command]:
    """Every command of the page, in order: a reader types them one after the other."""
    return [command for block in blocks(page, "console") for command in block.commands()]


def links(page: Path) -> list[str]:
    """Where the links of *page* point to, without those in code."""
    return LINK.findall(FENCE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """The fragments that GitHub makes of the page's headings."""
    titles = HEADING.findall(FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def spoken(page: Path) -> list[str]:
    """Every command line of byoc on the page: in console blocks, other blocks and code in sentences."""
    text = page.read_text()
    lines = [line.removeprefix("$ ") for block in FENCE.findall(text) for line in block[1].splitlines()]
    lines += re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    return [line for line in lines if line.startswith("byoc ")]
