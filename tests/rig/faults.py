"""The ways in which the registry of ``rig/lying.py`` misbehaves."""

import time
from collections.abc import Callable

from rig.lying import Fault, Lying, Reply, Request

__all__ = [
    "answer",
    "cut",
    "drip",
    "garbage",
    "hang_up",
    "lose",
    "redirect",
    "silence",
    "unannounced",
    "wrong_length",
]


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Fault:
    """This, and no effect."""
    return lambda registry, request, honest: Reply(status, body, headers or {})


def cut(sent: int) -> Fault:
    """The right answer, of which only *sent* bytes arrive."""

    def fault(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
        reply = honest()
        reply.sent = sent
        return reply

    return fault


def garbage(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
    """As long as the right answer, and wrong."""
    reply = honest()
    reply.body = bytes(each ^ 0xFF for each in reply.body)
    return reply


def wrong_length(by: int) -> Fault:
    """Another Content-Length, and nothing more after it."""

    def fault(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
        reply = honest()
        reply.headers["Content-Length"] = str(len(reply.body) + by)
        return reply

    return fault


def unannounced(change: Callable[[bytes], bytes]) -> Fault:
    """No length; the end of the connection is the end of the body, which *change* made another one."""

    def fault(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
        reply = honest()
        reply.body = change(reply.body)
        reply.headers["Content-Length"] = ""
        return reply

    return fault


def redirect(to: str) -> Fault:
    """Look elsewhere."""
    return answer(307, {"Location": to})


def silence(seconds: float) -> Fault:
    """Nothing at all, for a while."""

    def fault(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
        time.sleep(seconds)
        return Reply(close=True)

    return fault


def drip(pause: float) -> Fault:
    """The right answer, a byte at a time."""

    def fault(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
        reply = honest()
        reply.pause = pause
        return reply

    return fault


def hang_up(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
    """The connection ends; nothing was done."""
    return Reply(close=True)


def lose(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
    """It is done, and the answer is lost."""
    honest()
    return Reply(close=True)
