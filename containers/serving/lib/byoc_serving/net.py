"""Sockets and the event loop."""

from __future__ import annotations

import asyncio
import errno
import itertools
import random
import socket

from byoc_serving.errors import ServingError

BACKLOG = 2048  # connections that may wait for accept; one more would be refused, though nobody is to blame


def bind(port: int) -> socket.socket:
    """A socket on all interfaces that does not listen yet (INF-01). Raises ServingError if it is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("0.0.0.0", port))  # noqa: S104 - INF-01 demands all interfaces
    except OSError as error:
        sock.close()
        taken = error.errno == errno.EADDRINUSE
        raise ServingError(
            "cannot listen on port {}".format(port),
            why="another process of this container listens there" if taken else str(error),
            fix="stop it, or set SAGEMAKER_BIND_TO_PORT to a free port",
        ) from error
    return sock


def free_ports(count: int, port_range: str) -> "list[int]":
    """Ports of the loopback interface within *port_range* (``25000-25999``) that nobody uses now.

    In any order: two servers that start at once on one network look at different ports first.
    """
    low, _, high = port_range.partition("-")
    ports = list(range(int(low), int(high) + 1))
    random.shuffle(ports)
    free = list(itertools.islice(filter(_is_free, ports), count))
    if len(free) < count:
        raise ServingError(
            "no {} free ports in {}".format(count, port_range), fix="set SAGEMAKER_SAFE_PORT_RANGE"
        )
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's event loop where it is installed, else asyncio's."""
    try:
        import uvloop
    except ImportError:
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
