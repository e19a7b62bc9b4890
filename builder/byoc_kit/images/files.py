"""Files that appear when they are whole."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from byoc_kit.errors import ByocError

__all__ = ["told", "write_whole"]


def write_whole(target: Path, chunks: Iterable[bytes]) -> None:
    """Write *chunks* to *target* in one step, folders included. Raises OSError, and what *chunks* raise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as file:
        try:
            for chunk in chunks:
                file.write(chunk)
            file.close()
            Path(file.name).chmod(0o644)
            Path(file.name).replace(target)
        finally:
            Path(file.name).unlink(missing_ok=True)


@contextlib.contextmanager
def told(place: str) -> Iterator[None]:
    """An OSError of writing to *place* as an error that a user can act on (BYOC-E523)."""
    try:
        yield
    except OSError as error:
        raise ByocError(
            f"{place} cannot be written",
            why=f"{error.strerror}: {error.filename}" if error.filename else error.strerror or str(error),
            fix="free some space, or name a place that you may write",
            id="BYOC-E523",
        ) from error
