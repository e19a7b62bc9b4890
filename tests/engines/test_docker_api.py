"""Where the engine is: as the docker command would find it, and what is said when nobody is there."""

import hashlib
import json
import socket
import threading
from pathlib import Path

import pytest

from byoc_kit.docker_api import builder, connect, endpoint, inspect_image
from byoc_kit.errors import ByocError
from byoc_kit.store import Store, user_store


def context(home: Path, name: str, host: str) -> None:
    folder = home / ".docker" / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_docker_host_comes_first(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "DOCKER_HOST": "tcp://engine.example:2375", "DOCKER_CONTEXT": "x"}
    assert endpoint(environ) == "tcp://engine.example:2375"


@pytest.mark.parametrize("by", ["variable", "file"])
def test_then_the_current_context(by: str, tmp_path: Path) -> None:
    context(tmp_path, "colima", "unix:///home/me/.colima/docker.sock")
    environ = {"HOME": str(tmp_path)}
    if by == "variable":
        environ["DOCKER_CONTEXT"] = "colima"
    else:
        (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "colima"}')
    assert endpoint(environ) == "unix:///home/me/.colima/docker.sock"


def test_the_builder_is_the_engine_itself(tmp_path: Path) -> None:
    context(tmp_path, "far", "ssh://me@far.example")
    environ = {"HOME": str(tmp_path), "DOCKER_CONTEXT": "far"}
    assert builder(environ) == "far"
    assert builder({"HOME": str(tmp_path)}) == "default"
    assert builder(environ | {"DOCKER_HOST": "unix:///x"}) == "default"


def test_docker_config_moves_the_folder(tmp_path: Path) -> None:
    context(tmp_path, "far", "ssh://me@far.example")
    environ = {"HOME": "/nowhere", "DOCKER_CONFIG": str(tmp_path / ".docker"), "DOCKER_CONTEXT": "far"}
    assert endpoint(environ) == "ssh://me@far.example"


def test_a_context_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ByocError, match="'gone' does not exist") as caught:
        endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "gone"})
    assert caught.value.id == "BYOC-E303"


@pytest.mark.parametrize("ask", [connect, lambda environ: inspect_image("x", environ)])
@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"])
def test_nobody_there(ask: object, host: str) -> None:
    assert callable(ask)
    with pytest.raises(ByocError) as caught:
        ask({"DOCKER_HOST": host, "HOME": "/nowhere"})
    assert caught.value.id == "BYOC-E301"
    assert "start it" in caught.value.fix
    if host.startswith("tcp:") and ask is connect:
        assert caught.value.why == "Connection refused", "not what each library on the way said about it"


def test_somebody_else_is_there(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"what?\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ByocError) as caught:
            inspect_image("x", {"DOCKER_HOST": f"unix://{path}"})
        thread.join()
    assert caught.value.id == "BYOC-E301"


def test_the_store_keeps_and_forgets(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert store.read("inventory", "key") is None
    store.write("inventory", "key", {"facts": ["python /usr/bin/python3"]})
    assert store.read("inventory", "key") == {"facts": ["python /usr/bin/python3"]}
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_text("{half")
    assert store.read("inventory", "key") is None


def test_a_disk_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    Store(tmp_path / "file").write("inventory", "key", {})
    assert (tmp_path / "file").read_text() == "in the way"


def test_the_users_store_is_where_the_variables_say() -> None:
    assert user_store({"BYOC_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}).root == Path("/a")
    assert user_store({"XDG_CACHE_HOME": "/b"}).root == Path("/b/byoc")
    assert user_store({"HOME": "/c"}).root == Path("/c/.cache/byoc")
