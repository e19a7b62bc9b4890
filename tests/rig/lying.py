"""A registry in memory that keeps to the distribution specification, until a test tells it how to misbehave.

``with lying() as registry:`` gives one on loopback. ``registry.on("GET", "/blobs/", cut(100))`` lets the next
such request meet a fault (``rig/faults.py``); without faults it is honest, and the ordinary tests run against
it, too.
"""

import base64
import contextlib
import hashlib
import json
import re
import ssl
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Fault", "Lying", "Reply", "Request", "lying"]


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What is answered; *sent*: how many bytes of the body leave before the connection ends."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    """Those without a value are left out."""
    sent: int | None = None
    pause: float = 0.0
    """Seconds before each byte."""
    close: bool = False
    """Hang up without a word."""


Fault = Callable[["Lying", Request, Callable[[], Reply]], Reply]
"""Gets the registry, the request, and a way to do what an honest registry would do."""


@dataclass
class Rule:
    method: str
    path: re.Pattern[str]
    fault: Fault
    times: int
    reads_body: bool


@dataclass
class Lying:
    """What the registry has, what it was asked, and how it will misbehave."""

    host: str = ""
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    login: str | None = None
    """``Basic`` or ``Bearer``: who asks must be ann with the word hunter2."""
    tokens: set[str] = field(default_factory=set)
    busy_every: int = 0
    """Each so many requests one is answered by 503, before it has any effect."""
    like_ecr: bool = False
    """201 for a PATCH, no knowledge of a running upload."""
    mounts: bool = True
    lock: threading.RLock = field(default_factory=threading.RLock)

    def on(self, method: str, path: str, fault: Fault, *, times: int = 1, reads_body: bool = True) -> None:
        """The next *times* requests of *method* (or any: ``*``) whose path holds *path* meet *fault*."""
        self.rules.append(Rule(method, re.compile(path), fault, times, reads_body))

    def count(self, method: str, path: str = "") -> int:
        """How many requests there were."""
        return sum(each.method == method and bool(re.search(path, each.path)) for each in self.asked)

    def tags(self) -> dict[str, str]:
        """Every tag of every repository, and the digest that it means."""
        return {
            f"{repository}:{name}": digest_of(raw)
            for (repository, name), (_, raw) in self.manifests.items()
            if not name.startswith("sha256:")
        }

    def whole(self) -> bool:
        """Whether all that a manifest names is there."""
        for (repository, _), (_, raw) in self.manifests.items():
            document = json.loads(raw)
            for blob in (
                *document.get("layers", []),
                *([document["config"]] if "config" in document else []),
            ):
                if digest_of(self.blobs.get((repository, blob["digest"]), b"")) != blob["digest"]:
                    return False
        return True

    def rule(self, method: str, path: str) -> Rule | None:
        """The rule that counts for a request; it is used up by it."""
        with self.lock:
            for each in self.rules:
                if each.method in {method, "*"} and each.path.search(path) and each.times > 0:
                    each.times -= 1
                    return each
        return None

    def serve(self, request: Request) -> Reply:
        """What an honest registry does."""
        with self.lock:
            if not self._allowed(request):
                challenge = f'{self.login} realm="http://{self.host}/token",service="lying"'
                return Reply(401, errors("UNAUTHORIZED"), {"WWW-Authenticate": challenge})
            for pattern, serve in ROUTES:
                if found := pattern.fullmatch(request.path):
                    return serve(self, request, *found.groups())
        return Reply(404, errors("NOT_FOUND"))

    def _allowed(self, request: Request) -> bool:
        if self.login is None or request.path == "/token":
            return True
        sent = request.headers.get("authorization", "")
        basic = "Basic " + base64.b64encode(b"ann:hunter2").decode()
        return sent == basic if self.login == "Basic" else sent.removeprefix("Bearer ") in self.tokens

    def token(self, request: Request) -> Reply:
        name = f"token-{uuid.uuid4().hex}"
        self.tokens.add(name)
        return Reply(200, json.dumps({"token": name, "expires_in": 3600}).encode())

    def blob(self, request: Request, repository: str, digest: str) -> Reply:
        content = self.blobs.get((repository, digest))
        if content is None:
            return Reply(404, errors("BLOB_UNKNOWN"))
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not found:
            return Reply(200, content)
        start = int(found[1])
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return Reply(206, content[start:], headers)

    def begin(self, request: Request, repository: str) -> Reply:
        mount, source = request.query.get("mount"), request.query.get("from")
        if mount and self.mounts and (source, mount) in self.blobs:
            self.blobs[repository, mount] = self.blobs[str(source), mount]
            return Reply(201, b"", {"Location": f"/v2/{repository}/blobs/{mount}"})
        name = uuid.uuid4().hex
        self.uploads[name] = b""
        return Reply(202, b"", {"Location": f"/v2/{repository}/blobs/uploads/{name}?_state=a%2Fb"})

    def upload(self, request: Request, repository: str, name: str) -> Reply:
        if name not in self.uploads:
            return Reply(404, errors("BLOB_UPLOAD_UNKNOWN"))
        here = f"/v2/{repository}/blobs/uploads/{name}?_state=c%2Fd"
        if request.method == "GET":
            told = f"0-{max(0, len(self.uploads[name]) - 1)}"
            known = Reply(204, b"", {"Location": here, "Range": told})
            return Reply(405, errors("UNSUPPORTED")) if self.like_ecr else known
        if request.method == "PATCH":
            return self.patch(request, name, here)
        content = self.uploads.pop(name) + request.body
        if digest_of(content) != request.query.get("digest"):
            return Reply(400, errors("DIGEST_INVALID"))
        self.blobs[repository, digest_of(content)] = content
        return Reply(201, b"", {"Location": f"/v2/{repository}/blobs/{digest_of(content)}"})

    def patch(self, request: Request, name: str, here: str) -> Reply:
        if self.like_ecr and self.uploads[name]:
            return Reply(416, errors("BLOB_UPLOAD_INVALID"))
        self.uploads[name] += request.body
        told = f"0-{len(self.uploads[name]) - 1}"
        return Reply(201 if self.like_ecr else 202, b"", {"Location": here, "Range": told})

    def manifest(self, request: Request, repository: str, name: str) -> Reply:
        if request.method == "PUT":
            kind = request.headers.get("content-type", "")
            self.manifests[repository, name] = kind, request.body
            self.manifests[repository, digest_of(request.body)] = kind, request.body
            subject = json.loads(request.body).get("subject")
            told = {"OCI-Subject": subject["digest"]} if subject and not self.like_ecr else {}
            return Reply(201, b"", {"Docker-Content-Digest": digest_of(request.body), **told})
        found = self.manifests.get((repository, name))
        if found is None:
            return Reply(404, errors("MANIFEST_UNKNOWN"))
        return Reply(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": digest_of(found[1])})

    def tag_list(self, request: Request, repository: str) -> Reply:
        names = [name for (path, name) in self.manifests if path == repository and ":" not in name]
        return Reply(200, json.dumps({"name": repository, "tags": names}).encode())

    def referrers(self, request: Request, repository: str, digest: str) -> Reply:
        if self.like_ecr:
            return Reply(404, errors("UNSUPPORTED"))
        found = {}
        for (path, _), (kind, raw) in self.manifests.items():
            document = json.loads(raw)
            if path == repository and (document.get("subject") or {}).get("digest") == digest:
                found[digest_of(raw)] = {
                    "mediaType": kind,
                    "digest": digest_of(raw),
                    "size": len(raw),
                    "artifactType": document.get("artifactType"),
                }
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(found.values())}
        return Reply(200, json.dumps(index).encode(), {"Content-Type": INDEX})


INDEX = "application/vnd.oci.image.index.v1+json"
NAME = r"/v2/([a-z0-9/_.-]+)"
ROUTES: list[tuple[re.Pattern[str], Callable[..., Reply]]] = [
    (re.compile("/token"), Lying.token),
    (re.compile(rf"{NAME}/blobs/uploads/"), Lying.begin),
    (re.compile(rf"{NAME}/blobs/uploads/([0-9a-f]+)"), Lying.upload),
    (re.compile(rf"{NAME}/blobs/(sha256:[0-9a-f]+)"), Lying.blob),
    (re.compile(rf"{NAME}/manifests/([A-Za-z0-9_.:-]+)"), Lying.manifest),
    (re.compile(rf"{NAME}/tags/list"), Lying.tag_list),
    (re.compile(rf"{NAME}/referrers/(sha256:[0-9a-f]+)"), Lying.referrers),
]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def errors(code: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": "the secret is hunter2"}]}).encode()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    registry: Lying
    protocol_version = "HTTP/1.1"
    timeout = 30.0
    wbufsize = 1 << 16  # head and body leave together, or each answer waits for an acknowledgement

    def handle_any(self) -> None:
        path, _, query = re.sub("^http://[^/]*", "", self.path).partition("?")  # whole where we are a proxy
        rule = self.registry.rule(self.command, path)
        size = int(self.headers.get("Content-Length") or 0)
        wanted = size if rule is None or rule.reads_body else 0
        try:
            body = self.rfile.read(wanted)
        except OSError:
            body = b""
        if len(body) < wanted:
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, dict(urllib.parse.parse_qsl(query)), headers, body)
        self.reply(self.decide(request, rule))

    def decide(self, request: Request, rule: Rule | None) -> Reply:
        registry = self.registry
        with registry.lock:
            registry.asked.append(request)
            number = len(registry.asked)
        if registry.busy_every and number % registry.busy_every == 0:
            return Reply(503, errors("TOOMANYREQUESTS"))
        if rule is not None:
            return rule.fault(registry, request, lambda: registry.serve(request))
        return registry.serve(request)

    def reply(self, reply: Reply) -> None:
        told = {"Content-Length": str(len(reply.body)), **reply.headers}
        lies = reply.sent is not None or told["Content-Length"] != str(len(reply.body))
        self.close_connection = self.close_connection or reply.close or lies
        if reply.close:
            return
        try:
            self.send_response(reply.status)
            for name, value in told.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            for part in self.parts(reply):
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(reply.pause)
        except OSError:
            self.close_connection = True

    def parts(self, reply: Reply) -> list[bytes]:
        body = b"" if self.command == "HEAD" else reply.body[: reply.sent]
        return [body[at : at + 1] for at in range(len(body))] if reply.pause else [body]

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Whoever hangs up is no news."""

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextlib.contextmanager
def lying(tls: ssl.SSLContext | None = None) -> Iterator[Lying]:
    """A registry on loopback, honest so far."""
    registry = Lying()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"registry": registry}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    registry.host = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
