"""The two voices: what is written where nobody looks at a terminal, and how often."""

import io

from byoc_kit.cli.console import Lines, Terminal, console, describe


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_are_plain() -> None:
    stream = io.StringIO()
    voice = Lines(stream)
    voice.say("building")
    voice.note("a choice")
    voice.warn("a worry")
    assert stream.getvalue() == "building\nnote: a choice\nwarning: a worry\n"


def test_progress_is_told_every_five_seconds_and_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    voice = Lines(stream, clock)
    for second in range(13):
        clock.now = float(second)
        voice.progress("pull", second * 1_000_000, 12_000_000)
    assert stream.getvalue().splitlines() == [
        "pull: 5.0 MB of 12.0 MB, 1.0 MB/s, 7 s left",
        "pull: 10.0 MB of 12.0 MB, 1.0 MB/s, 2 s left",
        "pull: 12.0 MB of 12.0 MB, 1.0 MB/s",
    ]


def test_an_unknown_total_has_no_time_left() -> None:
    assert describe("pull", 3_000_000, None, 2.0) == "pull: 3.0 MB, 1.5 MB/s"


def test_a_slow_rate_is_not_rounded_to_nothing() -> None:
    assert describe("transform", 40_000, 80_000, 10.0) == "transform: 0.0 MB of 0.1 MB, 4.0 kB/s, 10 s left"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_only_where_somebody_looks() -> None:
    assert isinstance(console(Screen(), {"TERM": "xterm"}), Terminal)
    assert not isinstance(console(Screen(), {"CI": "true"}), Terminal)
    assert not isinstance(console(Screen(), {"TERM": "dumb"}), Terminal)
    assert not isinstance(console(io.StringIO(), {}), Terminal)


def test_a_terminal_shows_bars_with_rate_and_goes_on_talking() -> None:
    stream = Screen()
    voice = Terminal(stream)
    voice.progress("push", 5_000_000, 10_000_000)
    voice.say("between")
    voice.progress("push", 10_000_000, 10_000_000)
    voice.note("after")
    text = stream.getvalue()
    assert "push" in text
    assert "10.0/10.0 MB" in text
    assert "between" in text
    assert text.rstrip().endswith("after")
