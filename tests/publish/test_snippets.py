"""Snippets for the SDKs, run by the SDKs themselves: what they send is what the API takes, with names that it
takes. The SDKs would make job names of a reference by digest that the API refuses.
"""

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore.session
import botocore.validate
import pytest

from byoc_kit.plan.snippets import snippets
from publish.test_record import RECORD
from rig.machine import Missing
from rig.sdk import sdk_python

pytestmark = [pytest.mark.setup, pytest.mark.long]

CREATES = {
    "train": ("CreateTrainingJob",),
    "process": ("CreateProcessingJob",),
    "serve": ("CreateModel", "CreateEndpointConfig", "CreateEndpoint"),
}
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""TrainingJobName, ProcessingJobName, ModelName, EndpointName of the API's model."""
DENIED = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
OPTED_OUT = "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"


@dataclass
class Service:
    """Answers what the SDKs need in order to go on."""

    url: str = ""
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Create operations to their requests."""

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Of what was created: itself, done."""
        verb, kind = re.match("([A-Z][a-z]+)(.*)", operation).groups()  # type: ignore[union-attr]
        arn = {f"{kind}Arn": f"arn:aws:sagemaker:eu-west-1:111122223333:{kind.lower()}/x"}
        if verb == "Create":
            self.asked[operation] = request
            return arn
        made = self.asked.get(f"Create{kind}", {})
        done = {f"{kind}Status": "InService" if kind == "Endpoint" else "Completed"}
        return {
            **made,
            **arn,
            **done,
            "SecondaryStatus": "Completed",
            "CreationTime": 1,
            "LastModifiedTime": 1,
        }


@contextmanager
def service() -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            target = self.headers.get("X-Amz-Target", "")
            known = target.startswith("SageMaker.")
            document = state.answer(target.partition(".")[2], json.loads(body)) if known else {}
            self.send_response(200 if target else 403)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode() if target else DENIED)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("use", CREATES)
@pytest.mark.parametrize("major", [2, 3])
def test_the_sdk_sends_what_the_api_takes(use: str, major: int, tmp_path: Path) -> None:
    try:
        python = sdk_python(major)
    except Missing as reason:
        pytest.fail(str(reason), pytrace=False)
    (tmp_path / "config.yaml").write_text(OPTED_OUT)
    with service() as state:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL": state.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(tmp_path / "config.yaml"),
        }
        code = snippets(RECORD)[use, f"sdk-v{major}"]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [python, "-c", code], env=environ, stdout=log, stderr=log, cwd=tmp_path
            )
        try:
            end = time.monotonic() + 180
            while (
                process.poll() is None
                and time.monotonic() < end
                and not {*CREATES[use]} <= state.asked.keys()
            ):
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
    assert {*CREATES[use]} <= state.asked.keys(), (tmp_path / "log").read_text()[-3000:]
    for operation in CREATES[use]:
        check(operation, state.asked[operation])
    assert RECORD.reference in json.dumps(state.asked[CREATES[use][0]])


def check(operation: str, request: dict[str, Any]) -> None:
    """By the API's own model, and its rule for names, which boto3 does not check."""
    model = botocore.session.get_session().get_service_model("sagemaker").operation_model(operation)
    assert model.input_shape is not None
    report = botocore.validate.ParamValidator().validate(request, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    names = [value for key, value in request.items() if key == operation.removeprefix("Create") + "Name"]
    assert names
    assert NAME.fullmatch(names[0]), names
