"""How often a transfer may break before it is given up, and how long to wait in between."""

import time
from collections.abc import Callable

import urllib3

from byoc_kit.images.http import LONGEST_WAIT, Backoff
from byoc_kit.images.session import BrokenError

__all__ = ["Patience"]


class Patience:
    """The failures of one transfer in a row; :meth:`moved` forgets them."""

    def __init__(self, backoff: Backoff, sleep: Callable[[float], None] = time.sleep) -> None:
        self._start = self._now = backoff
        self._sleep = sleep

    def moved(self) -> None:
        """There was progress."""
        self._now = self._start

    def failed(self, error: BrokenError) -> None:
        """Wait, as long as the registry asks for if it does. Raises *error* when it has been too often."""
        try:
            self._now = self._now.increment("GET", "", error=urllib3.exceptions.ProtocolError(str(error)))
        except urllib3.exceptions.MaxRetryError:
            raise error from None
        self._sleep(max(self._now.get_backoff_time(), self._asked(error)))

    def _asked(self, error: BrokenError) -> float:
        """Seconds of a Retry-After."""
        told = error.answer.headers.get("Retry-After") if error.answer else None
        try:
            return min(LONGEST_WAIT, self._now.parse_retry_after(told)) if told else 0.0
        except urllib3.exceptions.InvalidHeader:
            return 0.0
