"""The HTTP side of a multi-model endpoint (MME-01 to MME-08), as an ASGI application."""

from __future__ import annotations

import json
from typing import Awaitable, Callable, Dict, List, Tuple
from urllib.parse import parse_qsl, unquote_to_bytes

from byoc_serving.errors import RequestError, describe
from byoc_serving.log import say
from byoc_serving.models import Models
from byoc_serving.replies import ClientGoneError, Receive, Scope, Send, refuse, reply, reply_json

LARGEST_ORDER = 64 * 1024  # bytes of a POST /models
PAGE = 100  # models in one answer
NOTHING_HERE = "there is nothing here but /ping, /models, /models/NAME and /models/NAME/invoke"

Route = Callable[[Scope, Receive, Send], Awaitable[None]]


class ModelsApp:
    """Answers for all models. It is healthy without any: they come when they are asked for (MME-08)."""

    def __init__(self, models: Models) -> None:
        self.models = models

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = segments(scope)
        routes = self._routes(path)
        route = routes.get(scope["method"])
        try:
            if route is not None:
                await route(scope, receive, send)
            elif routes:
                allowed = ", ".join(sorted(routes))
                await refuse(send, 405, "use " + allowed, [(b"allow", allowed.encode())])
            else:
                await refuse(send, 404, NOTHING_HERE)
        except RequestError as error:
            asked = "{} /{}".format(scope["method"], "/".join(path))
            say("{} for {}: {}".format(error.status_code, asked, describe(error)))
            await refuse(send, error.status_code, describe(error))
        except ClientGoneError:
            return

    def _routes(self, path: List[str]) -> Dict[str, Route]:
        """What can be done there, by method."""
        if path == ["ping"]:
            return {"GET": _ping, "HEAD": _ping}
        if path == ["models"]:
            return {"GET": self._list, "POST": self._load}
        if len(path) == 2 and path[0] == "models":
            return {"GET": self._show, "DELETE": self._unload}
        if len(path) == 3 and (path[0], path[2]) == ("models", "invoke"):
            return {"POST": self._invoke}
        return {}

    async def _list(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        models, token = self.models.page(query.get("next_page_token", ""), _limit(query))
        answer: Dict[str, object] = {"models": [model.told() for model in models]}
        await reply_json(send, 200, dict(answer, nextPageToken=token) if token else answer)

    async def _load(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, url = order(await _read(receive))
        model = await self.models.load(name, url)
        await reply_json(send, 200, model.told())

    async def _show(self, scope: Scope, receive: Receive, send: Send) -> None:
        await reply_json(send, 200, self.models.find(segments(scope)[1]).told())

    async def _unload(self, scope: Scope, receive: Receive, send: Send) -> None:
        model = await self.models.unload(segments(scope)[1])
        say("model {} unloaded".format(model.name))
        await reply_json(send, 200, model.told())

    async def _invoke(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.models.ask(segments(scope)[1], scope, receive, send)


def segments(scope: Scope) -> List[str]:
    """The parts of the path; a name may hold anything, also an encoded slash (MME-06)."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    parts = raw.partition(b"?")[0].lstrip(b"/").split(b"/")
    return [unquote_to_bytes(part).decode("utf-8", "surrogateescape") for part in parts]


def order(body: bytes) -> Tuple[str, str]:
    """Name and folder in the body of a POST /models. Raises RequestError 400."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise RequestError(400, "the body is not JSON: {}".format(error)) from error
    found = document if isinstance(document, dict) else {}
    name, url = _argument(found.get("model_name")), _argument(found.get("url"))
    if name and url.startswith("/"):
        return name, url
    raise RequestError(400, "the body needs model_name, a text, and url, the path of the model's folder")


def _limit(query: Dict[str, str]) -> int:
    """How many models in one answer, by multi-model-server's name for it."""
    text = query.get("limit", str(PAGE))
    if not text.isdecimal() or not 0 < int(text) <= PAGE:
        raise RequestError(400, "limit is a number from 1 to {}".format(PAGE))
    return int(text)


def _argument(value: object) -> str:
    """A text that a process can get as an argument, without NUL and halves of characters; else empty."""
    text = value if isinstance(value, str) and "\0" not in value else ""
    return "" if any(0xD800 <= ord(letter) < 0xE000 for letter in text) else text


async def _ping(scope: Scope, receive: Receive, send: Send) -> None:
    await reply(send, 200, [(b"content-length", b"0")], b"")


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > LARGEST_ORDER:
            raise RequestError(413, "the body is over {} bytes".format(LARGEST_ORDER))
        more = message.get("more_body", False)
    return body
