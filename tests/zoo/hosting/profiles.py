"""Servers for batch, async, serverless, streaming, pipelines, WebSockets and multi-model: good and broken."""

from dataclasses import replace
from typing import Final

from byoc_kit.contract.evidence import Case
from byoc_kit.spec.types import Target
from zoo.form import Animal
from zoo.good.plain import SERVER
from zoo.programs import SERVE_AT, program

__all__ = ["IMAGES"]

LABEL: Final = "com.amazonaws.sagemaker.capabilities"
SOON = Case(time_limits={"startup": 8.0})
PORT = 'int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))'
READY = '    print(f"listening on {port}", flush=True)\n'
LINES = '            self.answer(200, "".join(f"{value}\\n" for value in predicted).encode(), kind)\n'
PIECES = """            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for value in (*predicted, 1, 2):
                piece = f"{value}\\n".encode()
                self.wfile.write(b"%x\\r\\n%b\\r\\n" % (len(piece), piece))
                __import__("time").sleep(0.3)
            self.wfile.write(b"0\\r\\n\\r\\n")
"""

READ = "        body = self.body()\n"
TYPED = '        self.send_header("Content-Type", kind)\n'

BATCH = replace(SERVER, name="good-batch", says="a plain server, for batch too", targets=(Target.BATCH,))
ANYWHERE = replace(
    SERVER,
    name="good-anywhere",
    says="a plain server, for batch, asynchronous and serverless endpoints",
    targets=(Target.BATCH, Target.ASYNC, Target.SERVERLESS),
)
SERVERLESS = replace(
    BATCH, name="good-serverless", says="a plain server, for serverless too", targets=(Target.SERVERLESS,)
)
PIPELINE = replace(
    SERVER.saying(
        "good-pipeline",
        "a plain server that takes its port from the environment",
        "",
        labels={f"{LABEL}.accept-bind-to-port": "true"},
    ),
    targets=(Target.PIPELINE,),
)
STREAM = replace(
    SERVER.edited("good-stream", "answers piece by piece", "", SERVE_AT, LINES, PIECES).also(
        SERVE_AT,
        '        if kind == "application/json":\n            self.answer(200, json',
        '        if kind == "nothing":\n            self.answer(200, json',
    ),
    targets=(Target.STREAMING,),
)
SOCKETS = Animal(
    name="good-sockets",
    says="opens WebSockets and answers each message with itself",
    targets=(Target.HOSTING,),
    files={SERVE_AT: program("sockets")},
    settings=replace(SERVER.settings, labels={f"{LABEL}.bidirectional-streaming": "true"}),
)
MODELS = Animal(
    name="good-models",
    says="loads and unloads models while it runs",
    targets=(Target.MULTI_MODEL,),
    files={SERVE_AT: program("models")},
    settings=replace(SERVER.settings, labels={f"{LABEL}.multi-models": "true"}),
)


def edited(good: Animal, name: str, says: str, breaks: str, *change: str) -> Animal:
    """*good* with the second of *change* in the place of the first."""
    old, new = change
    return good.edited(name, says, breaks, SERVE_AT, old, new)


SESSIONS = (
    SERVER.edited(
        "good-sessions",
        "opens sessions, and refuses those that it has not opened",
        "",
        SERVE_AT,
        READ,
        READ
        + """        session = self.headers.get("X-Amzn-SageMaker-Session-Id")
        if session not in (None, "NEW_SESSION", *SESSIONS):
            self.answer(400, b"no such session")
            return
""",
    )
    .also(
        SERVE_AT,
        TYPED,
        TYPED
        + """        if self.headers.get("X-Amzn-SageMaker-Session-Id") == "NEW_SESSION":
            SESSIONS.append(os.urandom(8).hex())
            self.send_header("X-Amzn-SageMaker-New-Session-Id", SESSIONS[-1])
""",
    )
    .also(
        SERVE_AT,
        "MODEL = ",
        "SESSIONS = []\nMODEL = ",
    )
)
ASYNC = replace(SERVER, name="async", targets=(Target.ASYNC,))


IMAGES = (
    ANYWHERE,
    SESSIONS,
    edited(
        SESSIONS, "sessions-long-id", "has long names for sessions", "STS-01", "urandom(8)", "urandom(200)"
    ).warning(),
    edited(
        SESSIONS,
        "sessions-of-anybody",
        "goes on with a session that it has not opened",
        "STS-02",
        'session not in (None, "NEW_SESSION", *SESSIONS)',
        "False",
    ).warning(),
    edited(
        ASYNC,
        "async-small-bodies-only",
        "takes bodies of at most 60 MB",
        "ASY-01",
        READ,
        f'{READ}        if len(body) > 60 << 20:\n            self.answer(413, b"")\n            return\n',
    ).warning(),
    edited(
        ASYNC,
        "async-no-patience",
        "gives up on a body that takes over two seconds",
        "ASY-02",
        READ,
        f"        begun = __import__('time').monotonic()\n{READ}"
        "        if __import__('time').monotonic() > begun + 2:\n"
        '            self.answer(408, b"")\n            return\n',
    ).warning(),
    edited(
        ASYNC,
        "async-cuts-off",
        "ends at once on SIGTERM, whatever is under way",
        "ASY-03",
        "threading.Thread(target=server.shutdown).start()",
        "os._exit(0)",
    )
    .known_for("INF-13")
    .warning(),
    edited(
        BATCH,
        "batch-throws-dice",
        "answers the same request in another way each time",
        "BAT-05",
        "json.dumps(predicted)",
        'json.dumps([*predicted, __import__("random").random()])',
    ).warning(),
    edited(
        SERVERLESS,
        "serverless-many-workers",
        "starts a worker for each of four CPUs, whatever it gets",
        "SLS-03",
        READY,
        '    for _ in range(4):\n        if os.fork() == 0:\n            __import__("time").sleep(3600)\n'
        + READY,
    ).warning(),
    edited(
        SERVERLESS,
        "serverless-small-bodies-only",
        "takes bodies of at most 3 MB",
        "SLS-05",
        READ,
        f'{READ}        if len(body) > 3 << 20:\n            self.answer(413, b"")\n            return\n',
    )
    .known_for("INF-10")
    .warning(),
    edited(
        PIPELINE,
        "pipeline-no-type",
        "does not say what its answer is",
        "PIP-03",
        TYPED,
        "",
    ).warning(),
    edited(
        SOCKETS,
        "sockets-fear-fragments",
        "breaks off when a message comes in pieces",
        "BID-03",
        "                whole, kind = whole + data, opcode or kind\n",
        "                if not final:\n                    return\n"
        "                whole, kind = data, opcode\n",
    ).warning(),
    edited(
        MODELS,
        "models-closed-while-loading",
        "answers nobody while a model is loaded",
        "MME-07",
        "        with self.server.lock:\n",
        "        with self.server.lock:\n            self.server.busy = True\n"
        '            __import__("time").sleep(0.7)\n            self.server.busy = False\n',
    )
    .also(
        SERVE_AT,
        "        if name not in self.server.models:\n",
        '        if getattr(self.server, "busy", False):\n            self.answer(503)\n            return\n'
        "        if name not in self.server.models:\n",
    )
    .warning(),
    PIPELINE,
    STREAM,
    SOCKETS,
    MODELS,
    edited(
        BATCH,
        "batch-is-refused",
        "does not answer where it finds itself in a batch transform",
        "BAT-01",
        'self.path != "/invocations"',
        'self.path != "/invocations" or "SAGEMAKER_BATCH" in os.environ',
    ).known_for("BAT-03"),
    edited(
        BATCH,
        "batch-one-answer",
        "answers many lines with one",
        "BAT-03",
        '"".join(f"{value}\\n" for value in predicted)',
        'f"{predicted}\\n"',
    ),
    edited(
        BATCH,
        "batch-no-chunks",
        "reads as many bytes as Content-Length says, and none without it",
        "BAT-04",
        'self.headers.get("Transfer-Encoding", "").lower() != "chunked"',
        "True",
    ),
    edited(
        BATCH,
        "batch-slow-ping",
        "takes three seconds for a ping in a batch transform",
        "BAT-06",
        '        if self.path == "/ping":\n',
        '        if self.path == "/ping":\n'
        '            __import__("time").sleep(3 if "SAGEMAKER_BATCH" in os.environ else 0)\n',
    ),
    edited(
        BATCH,
        "batch-strange-parameters",
        "has a page for everything",
        "BAT-02",
        '            self.answer(404, b"not found\\n")\n\n    def do_POST',
        '            self.answer(200, b"<html>hello</html>")\n\n    def do_POST',
    ).warning(),
    edited(
        BATCH,
        "batch-empty-line",
        "stumbles over an empty line at the end",
        "BAT-07",
        'for line in body.decode("utf-8").splitlines() if line.strip()]',
        'for line in body.decode("utf-8").splitlines()]',
    ).warning(),
    edited(
        SERVERLESS,
        "serverless-writes-anywhere",
        "keeps a file beside its program",
        "IMG-06",
        READY,
        f'    Path("/opt/started").write_text("1")\n{READY}',
    ).warning(),
    edited(
        STREAM,
        "stream-comes-whole",
        "gathers all pieces before it answers",
        "INF-30",
        PIECES,
        f'            __import__("time").sleep(0.8)\n{LINES}',
    ),
    edited(
        PIPELINE,
        "pipeline-own-port",
        "listens on 8080 whatever it is told",
        "PIP-01",
        PORT,
        "8080",
    ).but(
        "pipeline-own-port",
        "listens on 8080 whatever it is told",
        "PIP-01",
        case=SOON,
    ),
    edited(
        PIPELINE,
        "pipeline-port-9000",
        "has a port for its own management",
        "PIP-02",
        READY,
        f'    server.other = __import__("socket").create_server(("127.0.0.1", 9000))\n{READY}',
    ),
    edited(
        SOCKETS,
        "sockets-none",
        "has the label of WebSockets, and none",
        "BID-01",
        'self.path == "/invocations-bidirectional-stream"',
        'self.path == "/socket"',
    ),
    edited(
        SOCKETS,
        "sockets-no-pong",
        "does not answer Ping frames",
        "BID-02",
        "                self.frame(10, data)\n",
        "                continue\n",
    ),
    edited(
        SOCKETS,
        "sockets-ping-fails",
        "is not well while a WebSocket is open",
        "BID-04",
        '        if self.path == "/ping":\n            self.answer(200)\n',
        '        if self.path == "/ping":\n            self.answer(503 if OPEN.is_set() else 200)\n',
    ),
    edited(
        MODELS,
        "models-loaded-twice",
        "loads a model again that it has",
        "MME-01",
        "self.answer(409 if known else 200, {})",
        "self.answer(200, {})",
    ),
    edited(
        MODELS,
        "models-no-list",
        "has no list of models",
        "MME-02",
        'elif self.path == "/models":',
        'elif self.path == "/list":',
    ).known_for("MME-06"),
    edited(
        MODELS,
        "models-all-shown",
        "shows models that it does not have",
        "MME-03",
        '            self.answer(404, {"error": "no such thing"})\n',
        '            self.answer(200, {"modelName": name, "modelUrl": name})\n',
    ),
    edited(
        MODELS,
        "models-kept",
        "says that it has unloaded a model, and has not",
        "MME-04",
        "self.server.models.pop(name, None)",
        "self.server.models.get(name)",
    ),
    edited(
        MODELS,
        "models-leak",
        "keeps the memory of models that are unloaded",
        "MME-04",
        "                self.server.models[asked",
        '                __import__("builtins").__dict__.setdefault("kept", []).append(b"x" * (24 << 20))\n'
        "                self.server.models[asked",
    ),
    edited(
        MODELS,
        "models-unknown-fail",
        "answers 500 for a model that is not loaded",
        "MME-05",
        '            self.answer(404, {"error": "not loaded"})\n',
        '            self.answer(500, {"error": "not loaded"})\n',
    ).known_for("MME-04"),
    edited(
        MODELS,
        "models-short-names",
        "keeps eight letters of a name where it lists models",
        "MME-06",
        "[self.shown(each) for each in self.server.models]",
        '[{**self.shown(each), "modelName": each[:8]} for each in self.server.models]',
    ),
    edited(
        MODELS,
        "models-ping-needs-one",
        "is well only when a model is loaded",
        "MME-08",
        '        if self.path == "/ping":\n            self.answer(200)\n',
        '        if self.path == "/ping":\n            self.answer(200 if self.server.models else 503)\n',
    ).but("models-ping-needs-one", "is well only when a model is loaded", "MME-08", case=SOON),
    edited(
        MODELS,
        "models-other-port",
        "manages models on a port of its own, too",
        "MME-10",
        "server = Server()\n",
        'server = Server()\nserver.other = __import__("socket").create_server(("0.0.0.0", 8081))\n',
    ).warning(),
)
