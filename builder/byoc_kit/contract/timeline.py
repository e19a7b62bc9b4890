"""What happened in a run, drawn as SVG: a lane for each container, from its start to its end.

Dots are pings (green: 200), thin bars are requests, lines are events such as SIGTERM.
"""

from collections.abc import Iterator
from html import escape

from byoc_kit.contract.evidence import Container, Event, Exchange, Ping, Run

__all__ = ["draw"]

WIDTH, LEFT, RIGHT = 960.0, 110.0, 30.0  # pixels: the picture, and its margins
LANE, TOP, BOTTOM = 62.0, 8.0, 24.0
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200)  # seconds between two marks
MOST_MARKS = 12
LETTER = 7.0  # pixels of a letter, at most, on average


def draw(run: Run) -> str:
    """The picture of *run* as an ``svg`` element; empty where no container was started."""
    if not run.containers:
        return ""
    whole = max([container.seconds for container in run.containers] + [0.1])
    height = TOP + LANE * len(run.containers) + BOTTOM
    lanes = "".join(
        _lane(container, TOP + LANE * place, whole) for place, container in enumerate(run.containers)
    )
    label = escape(f"timeline of {run.scenario}", quote=True)
    return (
        f'<svg class="timeline" role="img" aria-label="{label}" viewBox="0 0 {WIDTH:.0f} {height:.0f}">'
        f"{''.join(_axis(whole, height))}{lanes}</svg>"
    )


def _x(at: float, whole: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(max(at, 0.0), whole) / whole


def _axis(whole: float, height: float) -> Iterator[str]:
    step = next((step for step in STEPS if whole / step <= MOST_MARKS), whole)
    foot = height - BOTTOM
    for number in range(int(whole / step) + 1):
        x = _x(number * step, whole)
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{foot}"/>'
        yield f'<text class="mark" x="{x:.1f}" y="{foot + 16:.1f}">{number * step:g} s</text>'


def _lane(container: Container, top: float, whole: float) -> str:
    middle, end = top + 34, _x(container.seconds, whole)
    how = "refused" if container.refused else "killed" if container.killed else "ran"
    parts = [
        f'<text class="name" x="{LEFT - 10}" y="{middle + 4}">{escape(container.name)}</text>',
        f'<rect class="{how}" x="{LEFT}" y="{middle - 7}" width="{max(2.0, end - LEFT):.1f}" height="14">'
        f"<title>{escape(_told(container))}</title></rect>",
        *(_request(name, each, middle, whole) for name, each in container.exchanges.items()),
        *(_ping(ping, middle, whole) for ping in container.pings),
        *_events(container, top, whole),
    ]
    return "".join(parts)


def _told(container: Container) -> str:
    ended = "still ran" if container.exit_code is None else f"exit code {container.exit_code}"
    return f"{container.name}: {container.refused or ended}, {container.seconds:.2f} s"


def _ping(ping: Ping, middle: float, whole: float) -> str:
    kind = "good" if ping.status == 200 else "bad"
    told = f"ping at {ping.at:.2f} s: {ping.status or 'no answer'}, {ping.seconds * 1000:.0f} ms"
    return (
        f'<circle class="{kind}" cx="{_x(ping.at, whole):.1f}" cy="{middle + 13}" r="2.5">'
        f"<title>{escape(told)}</title></circle>"
    )


def _request(name: str, exchange: Exchange, middle: float, whole: float) -> str:
    begin, end = _x(exchange.at, whole), _x(exchange.at + exchange.seconds, whole)
    kind = "good" if exchange.status is not None and exchange.status < 500 else "bad"
    answer = exchange.status or exchange.error
    told = f"{name}: {exchange.method} {exchange.path}: {answer}, {exchange.seconds:.2f} s"
    return (
        f'<rect class="request {kind}" x="{begin:.1f}" y="{middle - 4}" '
        f'width="{max(2.0, end - begin):.1f}" height="8"><title>{escape(told)}</title></rect>'
    )


def _marked(container: Container) -> list[Event]:
    """Its events, and the first good ping, which is when an endpoint is ready."""
    ready = [] if container.ready is None else [Event(container.ready, "first ping")]
    known = {event.what for event in container.events}
    return sorted([*container.events, *(each for each in ready if each.what not in known)], key=_at)


def _at(event: Event) -> float:
    return event.at


def _events(container: Container, top: float, whole: float) -> Iterator[str]:
    """A line for each; its word above where there is room, else only where the pointer is."""
    free = 0.0
    for event in _marked(container):
        x = _x(event.at, whole)
        told = escape(f"{event.what} at {event.at:.2f} s")
        yield (
            f'<g class="event"><title>{told}</title>'
            f'<line x1="{x:.1f}" y1="{top + 20}" x2="{x:.1f}" y2="{top + 50}"/>'
        )
        wide = LETTER * len(event.what)
        begin = min(x, WIDTH - RIGHT - wide)
        if begin >= free:
            yield f'<text x="{begin:.1f}" y="{top + 15}">{escape(event.what)}</text>'
            free = begin + wide + LETTER
        yield "</g>"
