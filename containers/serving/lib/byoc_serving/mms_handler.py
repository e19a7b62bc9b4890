"""What multi-model-server's workers run: sagemaker-inference, with our defaults and an honest report.

The toolkit calls the user's functions. Mended here: it swallows a failure to load and calls the worker ready
(STK-08), unpickles NPY bodies (STK-13), answers bad input with 500, and puts tracebacks into answers.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from http.client import responses
from typing import Any, Dict, List, Optional, Tuple

from sagemaker_inference import content_types, environment  # type: ignore[import-not-found, unused-ignore]
from sagemaker_inference.default_inference_handler import (  # type: ignore[import-not-found, unused-ignore]
    DefaultInferenceHandler,
)
from sagemaker_inference.transformer import Transformer  # type: ignore[import-not-found, unused-ignore]

from byoc_serving import codecs, functions, log, machine, media
from byoc_serving.errors import ServingError, describe, is_fatal, status_of
from byoc_serving.mms_server import REPORT_TO
from byoc_serving.usercode import user_code, user_traceback


class Defaults(DefaultInferenceHandler):  # type: ignore[misc, unused-ignore]
    """What happens where the user wrote no function."""

    accept = ""
    """The Accept header of the request that is being answered."""

    def default_model_fn(self, model_dir: str, context: Any = None) -> Any:
        """There is none."""
        raise functions.no_model_fn(os.environ["SAGEMAKER_PROGRAM"])

    def default_input_fn(self, input_data: Any, content_type: str, context: Any = None) -> Any:
        """Our decoders: nothing is unpickled."""
        return codecs.decode(input_data, content_type)

    def default_predict_fn(self, data: Any, model: Any, context: Any = None) -> Any:
        """``model.predict(data)``, else ``model(data)``."""
        return functions.default_predict(data, model)

    def default_output_fn(self, prediction: Any, accept: str, context: Any = None) -> Tuple[bytes, str]:
        """Our encoders, by everything the client would take."""
        return _whole(*functions.render(prediction, None, self.accept, _default_accept()))


class HonestTransformer(Transformer):  # type: ignore[misc, unused-ignore]
    """The toolkit's transformer, told what the client meant, and telling the client what went wrong."""

    def __init__(self, report: "Report") -> None:
        self.defaults = Defaults()
        self.report = report
        super().__init__(self.defaults)

    def load(self, model_dir: str, context: Any) -> None:
        """Load the model. Raises ServingError."""
        with user_code("the model could not be loaded"):
            self.validate_and_initialize(model_dir=model_dir, context=context)
        functions.refuse_streams(sys.modules[environment.Environment().module_name])
        if (
            self._transform_fn == self._default_transform_fn
            and self._predict_fn == self.defaults.default_predict_fn
        ):
            functions.check_default_predict(self._model)

    def transform(self, data: List[Dict[str, Any]], context: Any) -> List[Any]:
        """Answer a batch, which has one request."""
        try:
            self._prepare(data[0], context.request_processor[0].get_request_properties())
        except Exception as error:  # noqa: BLE001 - answered, as the toolkit answers what it catches
            return self.handle_error(context, error, "")
        answer = super().transform(data, context)[0]
        if isinstance(answer, (str, bytes)):
            return [answer]
        try:
            accept = context.get_response_content_type(0)
            body, kind = _whole(*functions.render(answer, None, accept, _default_accept()))
        except Exception as error:  # noqa: BLE001 - an iterator of the user's may raise anything
            return self.handle_error(context, error, "")
        context.set_response_content_type(0, kind)
        return [body]

    def handle_error(self, context: Any, inference_exception: Any, trace: str) -> List[str]:  # type: ignore[override, unused-ignore]
        """One line for the client, the traceback for the log. Runs where the exception is being handled."""
        error = sys.exc_info()[1] or inference_exception
        status = status_of(error)
        if status >= 500:
            print(user_traceback(error), end="", file=sys.stderr, flush=True)
        else:
            log.say("{} for a request: {}".format(status, describe(error)))
        if is_fatal(error):
            self.report.say("lost")
        context.set_response_status(code=status, phrase=responses.get(status, "Error"))
        context.set_response_content_type(0, media.JSON)
        return [json.dumps({"error": describe(error)})]

    def _prepare(self, part: Dict[str, Any], properties: Dict[str, str]) -> None:
        """Say the request in the toolkit's words: one Accept type, always a content type, text decoded."""
        given = {name.lower(): value for name, value in properties.items() if isinstance(value, str)}
        self.defaults.accept = given.get("accept", "")
        kind = given.get("content-type") or media.OCTETS
        properties["Accept"] = media.preferences(self.defaults.accept, _default_accept())[0]
        properties.update({name: kind for name in properties if name.lower() == "content-type"})
        properties.setdefault("Content-Type", kind)
        body = bytes(part.get("body") or b"")
        text = codecs.as_text(body, kind)
        part["body"] = body if kind in content_types.UTF8_TYPES else text  # the toolkit decodes those itself


class Report:
    """A line to the process behind the gate; it stays connected as long as this worker lives."""

    def __init__(self, path: str) -> None:
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(path)

    def say(self, state: str, **more: Any) -> None:
        """``loading``, ``loaded``, ``failed`` or ``lost``."""
        self._line.sendall(json.dumps(dict(more, state=state)).encode() + b"\n")


_transformer: Optional[HonestTransformer] = None


def handle(data: Optional[List[Dict[str, Any]]], context: Any) -> List[Any]:
    """The entry point that multi-model-server calls: once without data to load, then for every request."""
    if data is None:
        _load(context)
        return []
    assert _transformer is not None
    return _transformer.transform(data, context)


def _load(context: Any) -> None:
    global _transformer  # noqa: PLW0603 - one model per worker process
    report = Report(os.environ[REPORT_TO])
    report.say("loading")
    _transformer = HonestTransformer(report)
    try:
        _transformer.load(context.system_properties["model_dir"], context)
    except ServingError as error:
        report.say("failed", error=str(error))
        raise SystemExit(1) from error  # any other exception would be logged here a second time
    report.say("loaded", memory=machine.memory())


def _default_accept() -> str:
    return environment.Environment().default_accept or media.JSON


def _whole(body: Any, kind: str) -> Tuple[bytes, str]:
    """multi-model-server sends an answer in one piece."""
    return body if isinstance(body, bytes) else b"".join(body), kind
