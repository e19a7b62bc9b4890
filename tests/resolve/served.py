"""A package index of our own on loopback: small distributions made by hand, and misbehaviour on request."""

import base64
import contextlib
import hashlib
import io
import tarfile
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import urlsplit

__all__ = ["BACKEND", "Index", "sdist", "wheel"]

BACKEND = """
import re, sys, zipfile
from pathlib import Path

def build_wheel(out, config_settings=None, metadata_directory=None):
    told = dict(re.findall(r"^(\\w+) = (.*)$", Path("made.txt").read_text(), re.M))
    if told.get("fails"):
        print("the build fails on purpose", file=sys.stderr)
        sys.exit(1)
    stem, tag = f"{told['name']}-{told['version']}", told.get("tag", "py3-none-any")
    needs = "".join(f"Requires-Dist: {need}\\n" for need in told.get("requires", "").split(";") if need)
    with zipfile.ZipFile(Path(out, f"{stem}-{tag}.whl"), "w") as wheel:
        def add(name, text):
            wheel.writestr(zipfile.ZipInfo(name, (1980, 1, 2, 0, 0, 0)), text)
        add(f"{told['name']}.py", Path("made.txt").read_text())
        add(f"{stem}.dist-info/METADATA",
            f"Metadata-Version: 2.1\\nName: {told['name']}\\nVersion: {told['version']}\\n{needs}")
        add(f"{stem}.dist-info/WHEEL", f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        add(f"{stem}.dist-info/RECORD", "")
    return f"{stem}-{tag}.whl"
"""
"""A build backend of PEP 517 that needs nothing: it reads made.txt."""

PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def wheel(name: str, version: str, requires: Iterable[str] = (), content: str = "") -> bytes:
    """A wheel with one module."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {need}" for need in requires),
    ]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for path, text in {
            f"{name.replace('-', '_')}.py": content or f"version = '{version}'\n",
            f"{stem}.dist-info/METADATA": "\n".join(metadata) + "\n",
            f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{stem}.dist-info/RECORD": "",
        }.items():
            file.writestr(zipfile.ZipInfo(path, (1980, 1, 2, 0, 0, 0)), text)
    return buffer.getvalue()


def project(name: str, version: str, **more: str) -> dict[str, str]:
    """The files of a project that builds itself: ``requires`` (with ;), ``tag``, ``fails``."""
    told = {"name": name, "version": version, **more}
    made = "".join(f"{key} = {value}\n" for key, value in told.items())
    return {"pyproject.toml": PYPROJECT, "backend.py": BACKEND, "made.txt": made}


def sdist(name: str, version: str, **more: str) -> bytes:
    """An sdist of :func:`project`."""
    buffer = io.BytesIO()
    needs = "".join(f"Requires-Dist: {need}\n" for need in more.get("requires", "").split(";") if need)
    files = project(name, version, **more)
    files["PKG-INFO"] = f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n{needs}"
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


@dataclass
class Index:
    """The simple API (PEP 503) of what was added, with a log of its requests."""

    login: tuple[str, str] | None = None
    """User and password without which nothing is told."""
    hashes: bool = True
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    """Method and path of every request."""
    short: dict[str, int] = field(default_factory=dict)
    """File name to how many times its body breaks off."""
    gone: set[str] = field(default_factory=set)
    """File names that are listed, and answered with 404."""
    silent: set[str] = field(default_factory=set)
    """File names whose body never comes."""
    moved: dict[str, str] = field(default_factory=dict)
    """File name to the address that it is redirected to."""
    logins: list[str] = field(default_factory=list)
    """The Authorization headers that came."""
    _closed: Event = field(default_factory=Event)
    address: str = ""
    """Host, port, and a folder that no other index has."""

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT/FOLDER/simple``."""
        return f"http://{self.address}/simple"

    def private_url(self, user: str, password: str) -> str:
        """The same with user info."""
        return f"http://{user}:{password}@{self.address}/simple"

    def add(self, name: str, version: str, requires: Iterable[str] = (), *, tag: str = "py3-none-any") -> str:
        """A wheel; its file name."""
        filename = f"{name.replace('-', '_')}-{version}-{tag}.whl"
        self.put(name, filename, wheel(name, version, requires))
        return filename

    def put(self, name: str, filename: str, content: bytes) -> None:
        """Any file of the project *name*."""
        self.files.setdefault(name, {})[filename] = content

    def sha256(self, name: str, filename: str) -> str:
        """Of a file, hexadecimal."""
        return hashlib.sha256(self.files[name][filename]).hexdigest()

    @contextlib.contextmanager
    def served(self) -> Iterator["Index"]:
        """Answer requests within the block."""
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                index._answer(self, with_body=True)

            def do_HEAD(self) -> None:
                index._answer(self, with_body=False)

            def log_message(self, *_: object) -> None:
                """Nothing: what was asked is in the index."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.address = f"127.0.0.1:{server.server_port}/{uuid.uuid4().hex}"
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._closed.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def _answer(self, request: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        self.seen.append(f"{request.command} /{self._below(request)}")
        self.logins += request.headers.get_all("Authorization", [])
        status, kind, body = self._found(request)
        filename = request.path.rsplit("/", 1)[-1]
        if status == 200 and filename in self.moved:
            status, body = 302, b""
        request.send_response(status)
        if status == 302:
            request.send_header("Location", self.moved[filename])
        if status == 401:
            request.send_header("WWW-Authenticate", 'Basic realm="index"')
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if not with_body:
            return
        if self.short.get(filename, 0) > 0:
            self.short[filename] -= 1
            body = body[: len(body) // 2]
            request.close_connection = True
        if filename in self.silent:
            self._closed.wait()
        request.wfile.write(body)

    def _below(self, request: BaseHTTPRequestHandler) -> str:
        """The path below this index's folder; a client that takes this for a proxy says the host, too."""
        return urlsplit(request.path).path.lstrip("/").partition("/")[2]

    def _found(self, request: BaseHTTPRequestHandler) -> tuple[int, str, bytes]:
        if self.login is not None:
            wanted = base64.b64encode(":".join(self.login).encode()).decode()
            if request.headers.get("Authorization") != f"Basic {wanted}":
                return 401, "text/plain", b"who are you?"
        parts = self._below(request).strip("/").split("/")
        if parts[0] == "simple" and len(parts) == 2 and parts[1] in self.files:
            return 200, "text/html", self._page(parts[1]).encode()
        if parts[0] == "files" and parts[-1] in self.files.get(parts[1], {}) and parts[-1] not in self.gone:
            return 200, "application/octet-stream", self.files[parts[1]][parts[-1]]
        return 404, "text/plain", b"not here"

    def _page(self, name: str) -> str:
        links = []
        for filename, content in self.files[name].items():
            anchor = f"#sha256={hashlib.sha256(content).hexdigest()}" if self.hashes else ""
            links.append(f'<a href="../../files/{name}/{filename}{anchor}">{filename}</a>')
        return "<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>"
