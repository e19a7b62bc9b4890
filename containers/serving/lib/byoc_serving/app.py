"""The HTTP side: GET /ping and POST /invocations as an ASGI application (INF-02, INF-07, INF-08)."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Callable, Dict, Iterator

from byoc_serving import codecs, media
from byoc_serving.body import Body, read_rest
from byoc_serving.errors import RequestError, describe, is_fatal, status_of
from byoc_serving.functions import Answer, Functions, Request
from byoc_serving.log import say
from byoc_serving.replies import (
    ClientGoneError,
    RawHeaders,
    Receive,
    Scope,
    Send,
    gone,
    refuse,
    reply,
    reply_json,
)
from byoc_serving.settings import MOST_REQUESTS
from byoc_serving.usercode import user_traceback
from byoc_serving.userthread import UserThread

PING, INVOCATIONS, PARAMETERS = "/ping", "/invocations", "/execution-parameters"
READ, WRITE = (b"GET, HEAD", frozenset({"GET", "HEAD"})), (b"POST", frozenset({"POST"}))


class App:
    """Answers with the user's functions. Made once the model is loaded, so /ping is true (INF-05)."""

    OUT_OF_MEMORY = 500
    """The status for a prediction that ran out of memory."""

    def __init__(
        self, functions: Functions, thread: UserThread, max_payload: int, end: Callable[[int], None]
    ) -> None:
        self.functions = functions
        self.thread = thread
        self.max_payload = max_payload
        self.most_requests = MOST_REQUESTS
        """It holds at a time; more are told to come back (INF-22)."""
        self._end = end
        self._routes = {PING: READ, INVOCATIONS: WRITE}
        self._parameters: Dict[str, Any] = {}
        self._held = 0
        self._healthy = True

    def tell(self, parameters: Dict[str, Any]) -> None:
        """Answer GET /execution-parameters with these; without them it is 404, as BAT-02 has it."""
        self._parameters = parameters
        self._routes[PARAMETERS] = READ

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; anything unknown is refused at once (INF-08)."""
        route = self._routes.get(scope["path"])
        if route is None:
            await refuse(send, 404, "there is nothing here but GET /ping and POST /invocations")
        elif scope["method"] not in route[1]:
            await refuse(send, 405, "use " + route[0].decode(), [(b"allow", route[0])])
        elif route is WRITE:
            await self._admit(scope["headers"], receive, send)
        elif scope["path"] == PARAMETERS:
            await reply_json(send, 200, self._parameters)
        else:
            await reply(send, 200 if self._healthy else 503, [(b"content-length", b"0")], b"")

    async def _admit(self, headers: RawHeaders, receive: Receive, send: Send) -> None:
        if self._held >= self.most_requests:
            text = "overloaded: {} requests are waiting already".format(self._held)
            await refuse(send, 503, text, [(b"retry-after", b"1")])
            return
        self._held += 1
        try:
            await self._invoke(headers, receive, send)
        except ClientGoneError:
            pass
        finally:
            self._held -= 1

    async def _invoke(self, headers: RawHeaders, receive: Receive, send: Send) -> None:
        try:
            request = await self._read(headers, receive)
        except RequestError as refused:
            await self._fail(send, refused)
            return
        job = self.thread.run(self.functions.answer, request)
        del request
        answer, error = await (job if self.thread.unfinished == 1 else _unless_gone(job, receive))
        if error is not None:
            await self._fail(send, error)
        elif isinstance(answer.body, bytes):
            length = (b"content-length", b"%d" % len(answer.body))
            await reply(send, answer.status, [length, *_headers(answer)], answer.body)
        else:
            await self._stream(answer, answer.body, receive, send)

    async def _read(self, headers: RawHeaders, receive: Receive) -> Request:
        content_type, accept, length = media.OCTETS, "", 0
        for name, value in headers:
            if name == b"content-type":
                content_type = value.decode("latin-1") or content_type
            elif name == b"accept":
                accept = accept + "," + value.decode("latin-1") if accept else value.decode("latin-1")
            elif name == b"content-length":
                length = int(value)
        self._check_size(length)
        message = await receive()
        body: Body = message.get("body", b"")
        if message.get("more_body"):
            body = await read_rest(message.get("body", b""), receive, self._check_size)
        elif message["type"] == "http.disconnect":
            raise ClientGoneError
        return Request(body, content_type, accept, headers)

    def _check_size(self, size: int) -> None:
        if size > self.max_payload:
            limit = self.max_payload >> 20
            raise RequestError(413, "the body is over {} MB (SAGEMAKER_MAX_PAYLOAD_IN_MB)".format(limit))

    async def _stream(self, answer: Answer, pieces: Iterator[bytes], receive: Receive, send: Send) -> None:
        """Send piece by piece, each asked for when the one before is sent; stop if the client goes."""
        await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
        left = asyncio.ensure_future(gone(receive))
        try:
            while not left.done():
                piece, error = await self.thread.run(next, pieces, None)
                if error is not None:
                    self._report(error)  # the status is sent: a connection cut short is all that can be said
                    return
                if piece is None:
                    await send({"type": "http.response.body", "body": b""})
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            left.cancel()
            self.thread.run(codecs.close, pieces)

    async def _fail(self, send: Send, error: BaseException) -> None:
        status = status_of(error, self.OUT_OF_MEMORY)
        if status >= 500:
            self._report(error)
        else:
            say("{} for a request: {}".format(status, describe(error)))
        await refuse(send, status, describe(error))
        if not self._healthy:
            self._end(1)

    def _report(self, error: BaseException) -> None:
        """Print the user's traceback, once; after an error that the process cannot survive, be unhealthy."""
        print(user_traceback(error), end="", file=sys.stderr, flush=True)
        if is_fatal(error):
            say("this process cannot predict any more; ending it so that it is replaced")
            self._healthy = False


async def _unless_gone(job: "asyncio.Future[Any]", receive: Receive) -> Any:
    """The outcome of a queued job. Raises ClientGoneError, and drops the job, if the client leaves."""
    left = asyncio.ensure_future(gone(receive))
    try:
        await asyncio.wait({job, left}, return_when=asyncio.FIRST_COMPLETED)
        if not job.done():
            job.cancel()
            raise ClientGoneError
        return job.result()
    finally:
        left.cancel()


def _headers(answer: Answer) -> RawHeaders:
    pairs = [("content-type", answer.content_type), *answer.headers]
    return [(_field(name.lower()), _field(value)) for name, value in pairs]


def _field(text: str) -> bytes:
    """A header's name or value as bytes; a line break in it would let data pose as headers."""
    return text.replace("\r", " ").replace("\n", " ").encode("latin-1", "replace")
