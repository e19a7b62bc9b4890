"""What one request goes through: the user's functions, and ours where the user wrote none (STK-05).

``input_fn -> predict_fn -> output_fn``, or one ``transform_fn`` for all three. Where a body is too large for
memory, ``input_stream_fn`` takes the place of ``input_fn``. Each may take the context as one more argument.
One thread runs them, one request after the other, as sagemaker-inference does: the user's code need not be
safe for threads.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple, Union

from byoc_serving import codecs, media
from byoc_serving.body import Body, as_bytes, as_stream
from byoc_serving.context import Context
from byoc_serving.errors import ServingError
from byoc_serving.usercode import user_code

RawHeaders = Iterable[Tuple[bytes, bytes]]
LINES = frozenset({media.CSV, media.JSON_LINES})


@dataclass(frozen=True)
class Request:
    """One POST /invocations."""

    body: Body
    """As bytes, or a file if it is large."""
    content_type: str = media.OCTETS
    """As the client wrote it; RFC 9110 8.3 where it wrote nothing."""
    accept: str = ""
    headers: RawHeaders = ()


@dataclass(frozen=True)
class Answer:
    """What the client gets."""

    body: Union[bytes, Iterator[bytes]]
    """All of it, or pieces that are sent as they come."""
    content_type: str
    status: int = 200
    headers: List[Tuple[str, str]] = field(default_factory=list)
    """What the user's code added."""


class Functions:
    """The user's functions with our defaults, and the model they made."""

    lines_for_lines = False
    """Whether a client that does not care gets CSV for CSV and JSON Lines for those (BAT-03)."""

    def __init__(
        self, module: ModuleType, model_dir: str, default_accept: str, model_name: str = "model"
    ) -> None:
        self.model: Any = None
        self.model_dir = model_dir
        self.default_accept = default_accept
        self.model_name = model_name
        self._model_fn = _required_model_fn(module)
        self._pre_model_fn = _bind(module, "pre_model_fn", 1)
        self._model_warmup_fn = _bind(module, "model_warmup_fn", 2)
        self._input_fn = _bind(module, "input_fn", 2)
        self._input_stream_fn = _bind(module, "input_stream_fn", 2)
        self._predict_fn = _bind(module, "predict_fn", 2)
        self._output_fn = _bind(module, "output_fn", 2)
        self._transform_fn = _bind(module, "transform_fn", 4)
        if self._transform_fn and any(
            (self._input_fn, self._input_stream_fn, self._predict_fn, self._output_fn)
        ):
            raise ServingError(
                "{} has transform_fn and others beside it".format(module.__file__),
                why="transform_fn takes the place of input_fn, predict_fn and output_fn",
                fix="keep transform_fn alone, or the three",
            )

    def load(self) -> None:
        """Make the model. Raises ModelLoadError if the user's code fails."""
        context = Context(self.model_dir, name=self.model_name)
        with user_code("the model could not be loaded"):
            if self._pre_model_fn:
                self._pre_model_fn((self.model_dir,), context)
            self.model = self._model_fn((self.model_dir,), context)
        if not (self._transform_fn or self._predict_fn):
            check_default_predict(self.model)
        with user_code("model_warmup_fn failed"):
            if self._model_warmup_fn:
                self._model_warmup_fn((self.model_dir, self.model), context)

    def answer(self, request: Request) -> Answer:
        """Predict. Raises RequestError for what the client did wrong, and whatever the user's code raises."""
        context = Context(self.model_dir, request.headers, self.model_name)
        accept = media.preferences(request.accept, self.default_accept)[0]
        if self._transform_fn:
            body = codecs.as_text(as_bytes(request.body), request.content_type)
            result = self._transform_fn((self.model, body, request.content_type, accept), context)
            return self._finish(result, accept, context)
        data = self._decoded(request, context)
        prediction = (
            self._predict_fn((data, self.model), context)
            if self._predict_fn
            else default_predict(data, self.model)
        )
        if self._output_fn:
            return self._finish(self._output_fn((prediction, accept), context), accept, context)
        return self._finish((prediction, None), request.accept, context, self._default_for(request))

    def _decoded(self, request: Request, context: Context) -> Any:
        if self._input_stream_fn:
            return self._input_stream_fn((as_stream(request.body), request.content_type), context)
        body = codecs.as_text(as_bytes(request.body), request.content_type)
        if self._input_fn:
            return self._input_fn((body, request.content_type), context)
        return codecs.decode(body, request.content_type)

    def _default_for(self, request: Request) -> str:
        kind = media.canonical(request.content_type) if self.lines_for_lines else ""
        return kind if kind in LINES else self.default_accept

    def _finish(self, result: Any, accept: str, context: Context, default: str = "") -> Answer:
        body, kind = split(result, accept)
        made, made_kind = render(body, kind, accept, default or self.default_accept)
        said = dict(context.response_headers)
        content_type = said.pop("content-type", "") or made_kind
        return Answer(made, content_type, context.response_status or 200, list(said.items()))


def split(result: Any, accept: str) -> Tuple[Any, Optional[str]]:
    """A result as (value, its type): a pair says the type; bare text and bytes are what was asked for."""
    if isinstance(result, tuple) and len(result) == 2 and (result[1] is None or isinstance(result[1], str)):
        return result
    return result, accept if isinstance(result, (str, bytes, bytearray, memoryview)) else None


def render(
    value: Any, kind: Optional[str], accept: str, default: str
) -> Tuple[Union[bytes, Iterator[bytes]], str]:
    """The bytes of an answer (or its pieces) and their type. *kind* is what the user's code said, if so."""
    if is_stream(value):
        stream_kind, pieces = codecs.stream(iter(value), kind or accept, default)
        return pieces, kind or stream_kind
    if kind and isinstance(value, str):
        return value.encode(), kind
    if kind and isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), kind
    chosen = codecs.choose(kind or accept, default)
    return codecs.encode(value, chosen), kind or chosen


def is_stream(value: Any) -> bool:
    """Whether a value comes piece by piece: an iterator, such as a generator; a list does not."""
    return hasattr(value, "__next__")


def default_predict(data: Any, model: Any) -> Any:
    """``model.predict(data)``, else ``model(data)``."""
    return model.predict(data) if hasattr(model, "predict") else model(data)


def check_default_predict(model: Any) -> None:
    """Raises ServingError if there is no honest default for a model of this kind."""
    if not (hasattr(model, "predict") or callable(model)):
        raise ServingError(
            "nothing says how to predict",
            why="there is no predict_fn, and the model (a {}) has no predict() and cannot be called".format(
                type(model).__name__
            ),
            fix="write predict_fn(data, model) in the serving program",
        )


def refuse_streams(module: ModuleType) -> None:
    """Raises ServingError for a program that takes bodies as files only: multi-model-server has bytes."""
    if hasattr(module, "input_stream_fn") and not hasattr(module, "input_fn"):
        raise ServingError(
            "{} has input_stream_fn, but no input_fn".format(module.__file__),
            why="multi-model-server gives a body as bytes only",
            fix='write input_fn, too, or build the image with [serve] server = "asgi"',
        )


Bound = Callable[[Tuple[Any, ...], Any], Any]


def _required_model_fn(module: ModuleType) -> Bound:
    bound = _bind(module, "model_fn", 1)
    if bound is None:
        raise no_model_fn(str(module.__file__))
    return bound


def no_model_fn(program: str) -> ServingError:
    """There is no default for loading a model: what the user has to write."""
    return ServingError(
        "{} has no model_fn".format(program),
        why="nothing says how to load the model",
        fix="write model_fn(model_dir) that returns it; model_dir is where SageMaker unpacks the archive",
    )


def _bind(module: ModuleType, name: str, count: int) -> Optional[Bound]:
    """The user's function *name*, called with *count* arguments and, if it takes one more, the context."""
    function = getattr(module, name, None)
    if function is None:
        return None
    if _takes_context(module, name, function, count):
        return lambda arguments, context: function(*arguments, context)
    return lambda arguments, context: function(*arguments)


def _takes_context(module: ModuleType, name: str, function: Any, count: int) -> bool:
    """Whether there is a place for the context: one more argument that is required, or that is called so."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a callable that does not tell, e.g. of an extension
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if len(required) > count + 1 or (len(positional) < count and not takes_any):
        raise ServingError(
            "{} of {} takes {} arguments".format(name, module.__file__, len(positional)),
            why="it is called with {}, and with the context after them if it takes one more".format(count),
            fix="see the functions of the serving program in the documentation",
        )
    if len(positional) <= count:
        return False
    return len(required) == count + 1 or positional[count].name in {"context", "ctx", "_context"}
