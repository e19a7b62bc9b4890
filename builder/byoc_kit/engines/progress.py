"""What BuildKit prints with ``--progress plain``, read line by line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from byoc_kit.talk import Talk

__all__ = ["BuildStep", "Progress"]

LINE = re.compile(r"#(?P<number>\d+) (?P<text>.*)")
OUTPUT = re.compile(r"\d+\.\d+ ?(?P<text>.*)")
MOUNT = re.compile(r"--mount=\S+\s*")
DONE = re.compile(r"DONE (?P<seconds>\d+\.\d+)s$")
WIDTH = 120  # characters of a step's name that are told
HIDDEN = (
    "[internal]",
    "building with",
    "sha256:",
    "extracting",
    "transferring",
    "resolve",
    "writing image",
    "naming to",
    "exporting",
)


@dataclass(slots=True, kw_only=True)
class BuildStep:
    """One step of a build as far as it was told."""

    header: str
    """The line that began it."""
    output: list[str] = field(default_factory=list)
    seconds: float | None = None
    cached: bool = False
    error: str | None = None

    @property
    def name(self) -> str:
        """The header without what is said of mounts, on one line."""
        return " ".join(MOUNT.sub("", self.header).split())

    @property
    def hidden(self) -> bool:
        """Whether it is BuildKit's own business."""
        return self.header.startswith(HIDDEN)


class Progress:
    """Collects steps, and tells a listener what happens."""

    def __init__(self, talk: Talk) -> None:
        self.steps: dict[str, BuildStep] = {}
        self.other: list[str] = []
        """Lines that belong to no step: the CLI's own words."""
        self._talk = talk

    def feed(self, line: str) -> None:
        """Take in one line."""
        found = LINE.match(line)
        if not found:
            self.other.append(line)
            return
        number, text = found["number"], found["text"]
        if number not in self.steps:
            self._begin(number, text)
        elif text != self.steps[number].header:
            self._go_on(self.steps[number], text)

    def failed(self) -> BuildStep | None:
        """The step that ended the build."""
        return next(
            (step for step in self.steps.values() if step.error and "canceled" not in step.error), None
        )

    def seconds(self) -> dict[str, float]:
        """Seconds per step that did something."""
        return {
            step.name: step.seconds
            for step in self.steps.values()
            if step.seconds is not None and not step.hidden
        }

    def tail(self, count: int) -> Iterator[str]:
        """The last lines that belong to no step, without ornament."""
        yield from [line for line in self.other if line.strip(" -\n")][-count:]

    def _begin(self, number: str, header: str) -> None:
        self.steps[number] = step = BuildStep(header=header)
        if not step.hidden:
            self._talk.say(step.name[:WIDTH])

    def _go_on(self, step: BuildStep, text: str) -> None:
        done, output = DONE.match(text), OUTPUT.match(text)
        if done:
            step.seconds = (step.seconds or 0.0) + float(done["seconds"])
        elif text == "CACHED":
            step.cached = True
        elif text.startswith("ERROR"):
            step.error = text.removeprefix("ERROR").lstrip(": ")
        elif output and not step.hidden:
            step.output.append(output["text"])
            self._talk.output(f"  {output['text']}")
