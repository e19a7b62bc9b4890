"""Several things at once, and an end to all of them when one fails or the user stops."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import Final, TypeVar

__all__ = ["at_once"]

GRACE: Final = 1.0  # seconds in which a stopped thread may end what it does

Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(
    do: Callable[[Item], Result], items: Sequence[Item], *, most: int, stopped: threading.Event
) -> Generator[tuple[Item, Result], None, None]:
    """What *do* gives for each of *items*, *most* at a time, in the order in which they get done.

    The first failure is raised at once, without waiting for the others: *stopped* is set then, which *do*
    should look at now and then. So it is when the iterator is closed, by Ctrl-C for one.
    """
    todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Item, Result] | BaseException] = queue.SimpleQueue()
    for item in items:
        todo.put(item)

    def work() -> None:
        try:
            while not stopped.is_set():
                item = todo.get_nowait()
                done.put((item, do(item)))
        except queue.Empty:
            return
        except BaseException as error:  # raised again below
            done.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(most, len(items)))]
    for thread in threads:
        thread.start()
    try:
        for _ in items:
            found = done.get()
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        stopped.set()
        end = time.monotonic() + GRACE
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
