"""Servers that break one clause of real-time hosting each; those below in a SHOULD, which warns."""

from dataclasses import replace
from pathlib import Path

from byoc_kit.contract.evidence import Case
from zoo.form import Animal
from zoo.good.plain import SERVER
from zoo.programs import SERVE, SERVE_AT

__all__ = ["IMAGES"]

SOON = Case(time_limits={"startup": 8.0})
IN_A_MOMENT = Case(time_limits={"invocation": 1.5})
PING = '        if self.path == "/ping":\n            self.answer(200, b"")\n'
READY = '    print(f"listening on {port}", flush=True)\n'
HEARS = "    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())\n"
THREADED = "class Server(ThreadingHTTPServer):\n    request_queue_size = 256\n"
PREDICTED = "        predicted = [value * self.server.slope for value in values]\n"
READ = "        body = self.body()\n"
TYPED = '        self.send_header("Content-Type", kind)\n'
GIVEN = Case(model=str(Path(__file__).parent / "model"))
ROOM = """    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if os.path.exists(path) and Path(path).read_text().strip().isdigit():
            if int(Path(path).read_text()) < 3 << 30:
                sys.exit("too little memory")
"""
WATCHER = '''#!/usr/bin/env python3
"""Starts the server, and does not care what becomes of it."""
import signal
import subprocess
import sys
import time

child = subprocess.Popen(["/opt/program/server", *sys.argv[1:]])
stopped = []
signal.signal(signal.SIGTERM, lambda *_: (child.terminate(), stopped.append(True)))
while not (stopped and child.poll() is not None):
    time.sleep(0.1)
'''


def edited(name: str, says: str, breaks: str, old: str, new: str, case: Case | None = None) -> Animal:
    """The good server with *new* in the place of *old*."""
    animal = SERVER.edited(name, says, breaks, SERVE_AT, old, new)
    return replace(animal, case=case) if case else animal


MUSTS = (
    edited(
        "serve-on-loopback",
        "listens on 127.0.0.1 only",
        "INF-01",
        '("0.0.0.0", port)',
        '("127.0.0.1", port)',
        SOON,
    ),
    edited(
        "serve-on-5000",
        "listens on the port that Flask has by default",
        "INF-01",
        '("0.0.0.0", port)',
        '("0.0.0.0", 5000)',
        SOON,
    ),
    edited(
        "serve-ping-fails",
        "answers pings with 500",
        "INF-02",
        PING,
        PING.replace("200", "500"),
        SOON,
    ),
    edited(
        "serve-ping-is-slow",
        "takes two and a half seconds for a ping",
        "INF-02",
        PING,
        PING.replace("            self", '            __import__("time").sleep(2.5)\n            self'),
    ),
    edited(
        "serve-short-queue",
        "serves one connection at a time, and lets one more wait",
        "INF-03",
        THREADED,
        "class Server(__import__('http.server').server.HTTPServer):\n    request_queue_size = 0\n",
    ),
    edited(
        "serve-dies-at-start",
        "ends as soon as it has started",
        "INF-04",
        READY,
        '    sys.exit("a library is missing")\n',
    ),
    edited(
        "serve-never-listens",
        "thinks for an hour before it listens",
        "INF-04",
        '    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))\n',
        '    __import__("time").sleep(3600)\n    port = 8080\n',
        SOON,
    ),
    edited(
        "serve-takes-too-long",
        "takes longer for an invocation than it may",
        "INF-07",
        PREDICTED,
        f'        __import__("time").sleep(4)\n{PREDICTED}',
        IN_A_MOMENT,
    ).known_for("INF-10"),
    edited(
        "serve-predicts-elsewhere",
        "answers at /predict",
        "INF-08",
        'self.path != "/invocations"',
        'self.path != "/predict"',
    ),
    edited(
        "serve-dies-of-bad-input",
        "ends when a body cannot be read",
        "INF-09",
        "        except ValueError as error:\n",
        "        except ValueError as error:\n            os._exit(1)\n",
    ),
    edited(
        "serve-small-bodies-only",
        "takes bodies of at most 1 MB, as nginx does by default",
        "INF-10",
        READ,
        f'{READ}        if len(body) > 1 << 20:\n            self.answer(413, b"")\n            return\n',
    ),
    edited("serve-deaf", "does not hear SIGTERM", "INF-13", HEARS, ""),
    edited(
        "serve-cuts-off",
        "ends at once on SIGTERM, whatever is under way",
        "INF-13",
        HEARS,
        "    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))\n",
    ),
    edited(
        "serve-writes-to-model",
        "leaves a lock in the model's folder",
        "INF-14",
        READY,
        f'    Path("/opt/ml/model/lock").write_text("1")\n{READY}',
    ),
    edited(
        "serve-downloads-at-start",
        "fetches its model from the network when it starts",
        "INF-24",
        READY,
        f'    __import__("socket").getaddrinfo("models.example", 443)\n{READY}',
    ),
    SERVER.plus(
        "serve-outlives-its-server",
        "goes on when the process that serves has crashed",
        "INF-20",
        {SERVE_AT: WATCHER, "/opt/program/server": SERVE},
    ),
)
SHOULDS = (
    edited(
        "serve-well-without-model",
        "says that it is well although it has nothing to predict with",
        "INF-05",
        PREDICTED,
        '        if not MODEL.exists():\n            self.answer(500, b"no model")\n            return\n'
        + PREDICTED,
        GIVEN,
    ),
    edited(
        "serve-one-at-a-time",
        "answers one request after the other, pings too",
        "INF-21",
        "class Server(ThreadingHTTPServer):\n",
        "class Server(__import__('http.server').server.HTTPServer):\n",
    ),
    edited(
        "serve-fails-under-load",
        "fails when many ask at once",
        "INF-22",
        PREDICTED,
        '        if threading.active_count() > 5:\n            self.answer(500, b"")\n            return\n'
        f'        __import__("time").sleep(0.5)\n{PREDICTED}',
    ),
    edited(
        "serve-falls-ill",
        "is not well at every fifth ping",
        "INF-06",
        PING,
        PING.replace("200", "503 if (COUNT.append(0) or len(COUNT)) % 5 == 0 else 200"),
    )
    .also(
        SERVE_AT,
        "MODEL = ",
        "COUNT = []\nMODEL = ",
    )
    .known_for("INF-02"),
    edited(
        "serve-fears-headers",
        "takes no headers but its own",
        "INF-11",
        READ,
        f'{READ}        if "X-Amzn-Unheard-Of" in self.headers:\n            self.answer(400, b"")\n'
        "            return\n",
    ),
    edited(
        "serve-long-attributes",
        "answers more Custom-Attributes than the service passes on",
        "INF-12",
        TYPED,
        f'{TYPED}        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "x" * 2000)\n',
    ),
    edited(
        "serve-wants-a-mount",
        "has a model of its own, and does not start where none is mounted over it",
        "INF-16",
        READY,
        f'    if not os.path.ismount("/opt/ml/model"):\n        sys.exit("no model")\n{READY}',
        GIVEN,
    ).plus(
        "serve-wants-a-mount",
        "has a model of its own, and does not start where none is mounted over it",
        "INF-16",
        {"/opt/ml/model/model.json": '{"slope": 3}'},
    ),
    edited(
        "serve-fears-variables",
        "starts with few variables only",
        "INF-17",
        READY,
        f'    if len(os.environ) > 90:\n        sys.exit("too many variables")\n{READY}',
    ),
    edited(
        "serve-wants-its-region",
        "does not start without AWS_REGION",
        "INF-18",
        READY,
        f'    os.environ["AWS_REGION"]\n{READY}',
    ),
    edited(
        "serve-metrics-for-people",
        "shows a page at /metrics",
        "INF-23",
        PING,
        f'{PING}        elif self.path == "/metrics":\n            self.answer(200, b"<h1>OK</h1>\\n\\n")\n',
    ),
    edited(
        "serve-wants-room",
        "does not start with less than 3 GB, which a copy beside another does not get",
        "INF-31",
        READY,
        ROOM + READY,
    ),
    edited(
        "serve-needs-much-memory",
        "takes three gigabytes at start",
        "INF-19",
        READY,
        f'    server.ballast = b"x" * (3 << 30)\n{READY}',
    ),
)
IMAGES = (*MUSTS, *(animal.warning() for animal in SHOULDS))
