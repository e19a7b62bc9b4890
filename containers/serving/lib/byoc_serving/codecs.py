"""Bodies to Python values and back: the defaults of ``input_fn`` and ``output_fn`` (STK-07).

As sagemaker-inference does, lists of numbers become numpy arrays where numpy is installed; without it they
stay lists. Two things differ on purpose: CSV always has two dimensions, also for one row, and nothing is ever
unpickled (STK-13).
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import math
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

from byoc_serving import media
from byoc_serving.errors import RequestError

Body = Union[bytes, str]

MANY = 4096  # characters of CSV from which on numpy is quicker
TEXT_TYPES = frozenset({media.JSON, media.CSV})


def as_text(body: bytes, content_type: str) -> Body:
    """The body as ``input_fn`` gets it: str for JSON and CSV, bytes for all else. Raises RequestError."""
    if media.canonical(content_type) not in TEXT_TYPES:
        return body
    charset = media.parse(content_type)[1].get("charset", "utf-8")
    try:
        return body.decode("utf-8-sig" if charset.lower() in {"utf-8", "utf8"} else charset)
    except (UnicodeDecodeError, LookupError) as error:
        raise RequestError(400, "the body is not {}: {}".format(charset, error)) from error


def decode(body: Body, content_type: str) -> Any:
    """The value of a body. Raises RequestError: 415 for an unknown type, 400 for a body that is not it."""
    kind = media.canonical(content_type)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        known = ", ".join(sorted(_DECODERS))
        raise RequestError(
            415,
            "content type {} has no decoder: send one of {}, or write input_fn".format(
                kind or "(none)", known
            ),
        )
    if not body:
        raise RequestError(400, "the body is empty")
    try:
        return decoder(body)
    except RequestError:
        raise
    except Exception as error:
        raise RequestError(400, "the body is not {}: {}".format(kind, error)) from error


def choose(accept: str, default: str) -> str:
    """The type to answer with, among those that can be made. Raises RequestError 406."""
    for wanted in media.preferences(accept, default):
        for offered in _ENCODERS:
            if media.matches(wanted, offered):
                return offered
    raise RequestError(406, "cannot answer with {}: ask for one of {}".format(accept, ", ".join(_ENCODERS)))


def encode(value: Any, kind: str) -> bytes:
    """A prediction as *kind*, one of the types that :func:`choose` gives. Bytes are sent as they are."""
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else _ENCODERS[kind](value)


def stream(values: Iterator[Any], accept: str, default: str) -> "Tuple[str, Iterator[bytes]]":
    """The type and the pieces of an answer whose values come one by one (INF-30).

    Text and bytes pass as they are. Anything else becomes JSON Lines, rows of CSV, or the elements of one
    JSON array if the client insisted on JSON. Runs *values* up to its first one, so that an early failure is
    still a plain 500.
    """
    first = next(values, b"")
    indifferent = accept.strip() in {"", "*/*"}
    if isinstance(first, (bytes, bytearray, memoryview, str)):
        kind = media.TEXT if isinstance(first, str) else media.OCTETS
        return kind if indifferent else media.preferences(accept, kind)[0], _pieces(first, values, _plain)
    kind = choose(accept, default)
    if kind == media.JSON and not indifferent:
        return kind, _array(first, values)
    if kind == media.CSV:
        return kind, _pieces(first, values, _csv_row)
    return media.JSON_LINES, _pieces(first, values, _line)


def _plain(piece: Any) -> bytes:
    return piece.encode() if isinstance(piece, str) else bytes(piece)


def _pieces(first: Any, rest: Iterator[Any], make: Callable[[Any], bytes]) -> Iterator[bytes]:
    try:
        yield make(first)
        for value in rest:
            yield make(value)
    finally:
        close(rest)


def _array(first: Any, rest: Iterator[Any]) -> Iterator[bytes]:
    try:
        yield b"[" + _json(first)
        for value in rest:
            yield b"," + _json(value)
        yield b"]"
    finally:
        close(rest)


def close(values: Iterator[Any]) -> None:
    """Stop a generator where it stands, so that its ``finally`` runs; other iterators are left alone."""
    stop = getattr(values, "close", None)
    if stop is not None:
        stop()


# --- decoders ----------------------------------------------------------------


def _from_json(body: Body) -> Any:
    return _array_if_regular(json.loads(body))


def _from_json_lines(body: Body) -> List[Any]:
    text = body if isinstance(body, str) else bytes(body).decode("utf-8-sig")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _from_csv(body: Body) -> Any:
    """Rows of numbers (an empty cell is NaN), or of text if any cell is not a number."""
    text = body if isinstance(body, str) else bytes(body).decode("utf-8-sig")
    numbers = _many_numbers(text) if len(text) > MANY else None
    if numbers is not None:
        return numbers
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    if not rows:
        raise RequestError(400, "the body has no rows")
    if len({len(row) for row in rows}) > 1:
        raise RequestError(400, "the rows of the CSV body differ in length")
    try:
        values: List[List[Any]] = [
            [float(cell) if cell.strip() else math.nan for cell in row] for row in rows
        ]
    except ValueError:
        values = rows
    numpy = _numpy()
    return numpy.array(values) if numpy else values


def _many_numbers(text: str) -> Optional[Any]:
    """CSV of nothing but numbers, eight times as fast; None if there is anything else in it."""
    numpy = _numpy()
    if numpy is None:
        return None
    try:
        found = numpy.loadtxt(io.StringIO(text), delimiter=",", comments=None, quotechar='"', ndmin=2)
    except (ValueError, TypeError):  # other cells; or a numpy before 1.23, which is no faster than we are
        return None
    return found if found.size else None


def _from_npy(body: Body) -> Any:
    return _require_numpy().load(io.BytesIO(bytes(body)), allow_pickle=False)  # type: ignore[arg-type]


def _from_npz(body: Body) -> Any:
    """A scipy sparse matrix if it is one (as the toolkit reads it), else arrays by name."""
    archive = _require_numpy().load(io.BytesIO(bytes(body)), allow_pickle=False)  # type: ignore[arg-type]
    if "format" in archive.files and "shape" in archive.files:
        from scipy import sparse  # type: ignore[import-untyped, unused-ignore]

        return sparse.load_npz(io.BytesIO(bytes(body)))  # type: ignore[arg-type]
    return {name: archive[name] for name in archive.files}


def _array_if_regular(value: Any) -> Any:
    """A list of numbers (or of equally long lists of them) as an array; anything else unchanged."""
    numpy = _numpy() if isinstance(value, list) and value else None
    if numpy is None:
        return value
    try:
        array = numpy.array(value)
    except ValueError:  # lists of different lengths
        return value
    return array if array.dtype.kind in "biuf" else value


# --- encoders ----------------------------------------------------------------


def _json(value: Any) -> bytes:
    return _encode_json(value).encode()


def _line(value: Any) -> bytes:
    return _json(value) + b"\n"


def _json_lines(value: Any) -> bytes:
    return b"".join(map(_line, value if isinstance(value, (list, tuple)) else _rows(value)))


def _csv(value: Any) -> bytes:
    """One line per row; a single number or text is a row of its own."""
    return value.encode() if isinstance(value, str) else _csv_rows(_rows(value))


def _csv_row(row: Any) -> bytes:
    return _csv_rows([row])


def _csv_rows(rows: List[Any]) -> bytes:
    stream = io.StringIO()
    cells = ([row] if isinstance(row, (str, int, float)) else _rows(row) for row in rows)
    csv.writer(stream, lineterminator="\n").writerows(cells)
    return stream.getvalue().encode()


def _npy(value: Any) -> bytes:
    numpy, stream = _require_numpy(), io.BytesIO()
    numpy.save(stream, numpy.asarray(value), allow_pickle=False)
    return stream.getvalue()


def _rows(value: Any) -> List[Any]:
    """The first dimension of a value as a list."""
    value = value if isinstance(value, (list, tuple, dict, str, int, float)) else _plain_python(value)
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _plain_python(value: Any) -> Any:
    """Arrays, series and data frames as lists; numpy numbers as numbers. Raises TypeError for the rest."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_numpy"):
        return value.to_numpy().tolist()
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(
        "a {} cannot be encoded: return lists, numbers or arrays, or write output_fn".format(
            type(value).__name__
        )
    )


# --- numpy, only if needed ----------------------------------------------------

_numpy_module: Any = None


def _numpy() -> Optional[Any]:
    """numpy if it is installed; imported by the first body that wants it."""
    global _numpy_module  # noqa: PLW0603 - asked for every request
    if _numpy_module is None:
        try:
            _numpy_module = importlib.import_module("numpy")
        except ImportError:
            _numpy_module = False
    return _numpy_module or None


def _require_numpy() -> Any:
    numpy = _numpy()
    if numpy is None:
        raise RequestError(
            415, "numpy is not installed in this image, so NPY and NPZ cannot be read or written"
        )
    return numpy


_encode_json = json.JSONEncoder(default=_plain_python).encode
"""Made once: json.dumps would make an encoder for every answer."""

_DECODERS: Dict[str, Callable[[Body], Any]] = {
    media.JSON: _from_json,
    media.CSV: _from_csv,
    media.JSON_LINES: _from_json_lines,
    media.NPY: _from_npy,
    media.NPZ: _from_npz,
}

_ENCODERS: Dict[str, Callable[[Any], bytes]] = {
    media.JSON: _json,
    media.CSV: _csv,
    media.JSON_LINES: _json_lines,
    media.NPY: _npy,
}
