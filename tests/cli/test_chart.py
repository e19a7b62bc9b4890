"""The chart of metrics: curves, and how they share a terminal with lines."""

import io

import pytest

from byoc_kit.cli.chart import BARS, MOST, PLAIN_BARS, Chart, sparkline
from byoc_kit.cli.console import Lines, Terminal
from byoc_kit.job.metrics import Point


@pytest.mark.parametrize(
    ("values", "curve"),
    [
        ([], ""),
        ([3.0], "▅"),
        ([1.0, 1.0, 1.0], "▅▅▅"),
        ([0.0, 1.0], "▁█"),
        ([8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], BARS[::-1]),
        ([0.0, 0.0, 5.0, 5.0, 10.0, 10.0, 0.0, 0.0], "▁▅█▁"),
    ],
)
def test_a_curve_goes_from_the_least_to_the_most(values: list[float], curve: str) -> None:
    assert sparkline(values, width=4 if len(values) == 8 and values[0] == 0 else 40) == curve


def test_many_values_share_the_columns() -> None:
    assert len(sparkline([float(n) for n in range(1000)], width=40)) == 40
    assert sparkline([float(n) for n in range(1000)], width=8) == BARS


class Screen(io.TextIOWrapper):
    """A terminal of a given encoding."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="replace")

    def isatty(self) -> bool:
        return True

    def shown(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


def point(value: float, name: str = "loss", host: str = "algo-1") -> Point:
    return Point(seconds=0.0, host=host, name=name, value=value)


def test_lines_and_curves_share_a_terminal() -> None:
    screen = Screen()
    voice = Terminal(screen)
    with voice.chart() as watch:
        assert watch is not None
        voice.output("before")
        for value in (3.0, 2.0, 1.0):
            watch(point(value))
        voice.output("loss=1 [bold]between[/bold]")
    voice.say("after")
    shown = screen.shown()
    assert "before" in shown
    assert "loss=1 [bold]between[/bold]" in shown
    assert "loss  █▅▁  1 (last of 3, 1 to 3)" in shown
    assert shown.rstrip().endswith("after")
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h"), "the cursor is given back"


def test_bars_take_the_place_of_the_chart() -> None:
    screen = Screen()
    voice = Terminal(screen)
    with voice.chart() as watch:
        assert watch is not None
        watch(point(1.0))
        voice.progress("model.tar.gz", 5, 10)
        voice.progress("model.tar.gz", 10, 10)
    assert "loss  ▅  1" in screen.shown()
    assert "model.tar.gz" in screen.shown()


def test_the_chart_stops_when_the_job_fails() -> None:
    screen = Screen()

    def fail() -> None:
        with Terminal(screen).chart() as watch:
            assert watch is not None
            watch(point(1.0))
            raise ValueError("the job failed")

    with pytest.raises(ValueError, match="the job failed"):
        fail()
    assert screen.shown().count("\x1b[?25l") == screen.shown().count("\x1b[?25h")


def test_hosts_are_named_where_there_are_several() -> None:
    chart = Chart(Screen())
    chart.add(point(1.0))
    assert chart.text().startswith("loss  ")
    chart.add(point(2.0, host="algo-2"))
    assert [line.split("  ")[0] for line in chart.text().splitlines()] == ["loss algo-1", "loss algo-2"]
    chart.stop()


def test_only_some_are_shown() -> None:
    chart = Chart(Screen())
    for number in range(MOST + 3):
        chart.add(point(1.0, name=f"m{number}"))
    assert chart.text().splitlines()[0] == "3 more, and:"
    assert chart.text().splitlines()[-1].startswith(f"m{MOST + 2}")
    chart.stop()


def test_a_terminal_without_such_letters_gets_plain_ones() -> None:
    chart = Chart(Screen("ascii"))
    chart.add(point(1.0))
    chart.add(point(2.0))
    assert f"{PLAIN_BARS[0]}{PLAIN_BARS[-1]}" in chart.text()
    chart.stop()


def test_plain_lines_draw_nothing() -> None:
    with Lines(io.StringIO()).chart() as watch:
        assert watch is None
