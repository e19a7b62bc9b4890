"""Words of ASGI that every application here uses: its types, whole answers, and refusals."""

from __future__ import annotations

import json
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

Message = Dict[str, Any]
Scope = Dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RawHeaders = List[Tuple[bytes, bytes]]

JSON_HEADER = (b"content-type", b"application/json")


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


async def reply(send: Send, status: int, headers: RawHeaders, body: bytes) -> None:
    """A whole answer."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def reply_json(send: Send, status: int, value: Any, headers: Optional[RawHeaders] = None) -> None:
    """A whole answer that is JSON."""
    body = json.dumps(value).encode()
    await reply(send, status, [JSON_HEADER, (b"content-length", b"%d" % len(body)), *(headers or [])], body)


async def refuse(send: Send, status: int, text: str, headers: Optional[RawHeaders] = None) -> None:
    """An error in one sentence."""
    await reply_json(send, status, {"error": text}, headers)


async def gone(receive: Receive) -> None:
    """Return when the client has left; only once its request has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
