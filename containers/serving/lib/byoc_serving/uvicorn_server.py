"""uvicorn, set up as SageMaker and its load balancers need it."""

from __future__ import annotations

import socket
import sys
from typing import Any, Callable, List, Optional

from byoc_serving.errors import ServingError

GRACE = 25  # seconds for requests in flight after SIGTERM; SIGKILL comes after 30 (INF-13)
KEEP_ALIVE = 75  # seconds a connection may idle; longer than the pools in front of it keep theirs


def import_uvicorn() -> None:
    """Fail early, and before workers are made: they share what is imported here."""
    try:
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ServingError(
            "uvicorn cannot be imported",
            why="{}, by {}".format(error, sys.executable),
            fix="build the image with byoc, which adds it, or install uvicorn into this Python",
        ) from error


def uvicorn_server(app: Any, ready: Callable[[], None], stopping: Callable[[], None] = lambda: None) -> Any:
    """A server for *app*. It calls *ready* when it listens, and *stopping* before it waits for requests."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: Optional[List[socket.socket]] = None) -> None:
            await super().startup(sockets=sockets)
            ready()

        async def shutdown(self, sockets: Optional[List[socket.socket]] = None) -> None:
            stopping()
            await super().shutdown(sockets=sockets)

    return Server(
        uvicorn.Config(
            app,
            interface="asgi3",
            loop="none",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,  # the app reports its errors itself, once
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
    )
