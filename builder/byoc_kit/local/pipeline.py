"""An inference pipeline: several servers, each asked with what the one before answered (PIP-03, PIP-04)."""

import time
from dataclasses import replace

from byoc_kit.errors import ByocError
from byoc_kit.local.serving import Answer, Body, Server

__all__ = ["Chain"]


class Chain:
    """The servers of a pipeline, as one."""

    def __init__(self, servers: tuple[Server, ...], seconds: float) -> None:
        self._servers = servers
        self._seconds = seconds
        """Which one invocation may take, through all containers (PIP-04)."""

    @property
    def url(self) -> str:
        """Of the first container."""
        return self._servers[0].url

    @property
    def seconds(self) -> float:
        """Until the last container was healthy."""
        return max(server.seconds for server in self._servers)

    def invoke(
        self, body: Body, *, content_type: str, accept: str | None = None, model: str | None = None
    ) -> Answer:
        """Send *body* through all: body and content type go on, Accept is for the last only (PIP-03)."""
        begun = time.monotonic()
        answer, last = None, self._servers[-1]
        for number, server in enumerate(self._servers, start=1):
            left = self._seconds - (time.monotonic() - begun)
            server.invocation = max(0.001, left)
            try:
                answer = server.invoke(
                    body, content_type=content_type, accept=accept if server is last else None
                )
            except ByocError as error:
                error.details = (f"container {number} of {len(self._servers)}", *error.details)
                raise
            body, content_type = answer.body, answer.content_type or content_type
        assert answer is not None, "a pipeline has containers"
        return replace(answer, seconds=time.monotonic() - begun)

    def wait(self, seconds: float | None = None) -> None:
        """Wait; raise ByocError if one of the servers ends."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while deadline is None or time.monotonic() < deadline:
            for server in self._servers:
                server.wait(0.2)
