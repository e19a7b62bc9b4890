"""The play of bidirectional streaming: a WebSocket is opened, and sent frames of each kind."""

import time
from contextlib import suppress
from typing import Final

from byoc_kit.contract.clauses.streaming import BIDIRECTIONAL
from byoc_kit.contract.evidence import Run
from byoc_kit.local.endpoint import Endpoint
from byoc_kit.local.stage import Plays, Stage
from byoc_kit.local.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WebSocket

__all__ = ["PLAYS"]

PATH: Final = "/invocations-bidirectional-stream"
STEP: Final = 5.0
"""Seconds that one frame is waited for (BID-02)."""
KINDS: Final = {
    "text": ((TEXT, b"hello", True),),
    "binary": ((BINARY, b"\x00\x01\x02", True),),
    "fragments": ((TEXT, b"hel", False), (CONTINUATION, b"lo", True)),
}
"""Messages, as kind, data and whether the frame is the last of its message (BID-03)."""


def bidirectional(stage: Stage) -> Run:
    """Nothing, unless the image has the label.

    Facts: ``handshake`` (status), ``pong`` (seconds), ``ping_after`` (status of /ping while it is open), and
    for each kind of message: ``answered``, ``closed`` (with a Close frame), ``silent`` or ``lost``.
    """
    if stage.config.labels.get(BIDIRECTIONAL) != "true":
        return Run(scenario="bidirectional")
    server = Endpoint(stage)
    if server.come_up():
        with suppress(OSError):
            _open(server)
        for kind in KINDS:
            if server.actor.ended is None:
                server.actor.tell(**{kind: _message(server, kind)})
    return Run(scenario="bidirectional", containers=(server.done("model"),))


def _socket(server: Endpoint) -> WebSocket:
    return WebSocket(server.actor.address, server.setting.port, PATH, limit=STEP)


def _open(server: Endpoint) -> None:
    with _socket(server) as opened:
        server.actor.tell(handshake=opened.status)
        if opened.status != 101:
            return
        server.actor.tell(ping_after=server.get("ping-meanwhile", "/ping").status)
        begun = time.monotonic()
        opened.send(PING, b"byoc")
        for frame in opened.frames():
            if frame.kind == PONG and frame.data == b"byoc":
                server.actor.tell(pong=time.monotonic() - begun)
                break
        opened.send(CLOSE, b"\x03\xe8")


def _message(server: Endpoint, kind: str) -> str:
    """What comes of a message of this *kind*, on a connection of its own."""
    try:
        with _socket(server) as opened:
            for opcode, data, final in KINDS[kind]:
                opened.send(opcode, data, final=final)
            first = next((frame for frame in opened.frames() if frame.kind not in {PING, PONG}), None)
    except TimeoutError:
        return "silent"
    except OSError:
        return "lost"
    if first is None:
        return "lost"
    return "closed" if first.kind == CLOSE else "answered"


PLAYS: Final[Plays] = {"bidirectional": bidirectional}
