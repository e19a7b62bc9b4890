"""Wheels onto this disk: hashes bind, addresses are hints, logins are found and never told."""

import os
import stat
import textwrap
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.plan.wanted import Wanted
from byoc_kit.resolve.credentials import Credentials, Login, hide
from byoc_kit.resolve.fetch import Fetcher
from byoc_kit.resolve.indexes import indexes_of
from byoc_kit.resolve.resolve import Here
from byoc_kit.spec.lock import LockedWheel
from byoc_kit.spec.lockfile import write_lock
from resolve.conftest import prebuilt, resolver
from resolve.served import Index, wheel


class Heard:
    """A listener who keeps the progress."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.progressed: list[tuple[int, int | None]] = []
        self.lock = threading.Lock()

    def say(self, text: str) -> None:
        self.told.append(text)

    note = warn = output = say

    def progress(self, task: str, done: int, total: int | None) -> None:
        with self.lock:
            self.progressed.append((done, total))


def locked(index: Index, name: str, version: str = "1", *, url: str | None = "") -> LockedWheel:
    filename = index.add(name, version)
    return LockedWheel(
        name=name,
        version=version,
        filename=filename,
        sha256=index.sha256(name, filename),
        size=len(index.files[name][filename]),
        url=f"http://{index.address}/files/{name}/{filename}" if url == "" else url,
    )


def fetcher(index: Index, here: Here, *, environ: Mapping[str, str] | None = None) -> Fetcher:
    used = {**here.environ, **(environ or {})}
    indexes = indexes_of(Wanted(index_url=index.url), used, root=here.root)
    return Fetcher(indexes=indexes, store=here.store, environ=used, talk=here.talk)


def test_each_wheel_is_fetched_once_for_all_projects(index: Index, here: Here) -> None:
    talk = Heard()
    wheels = [locked(index, name) for name in ("one", "two", "three")]
    found = fetcher(index, replace(here, talk=talk)).all(wheels)
    assert {name: path.read_bytes() for name, path in found.items()} == {
        each.filename: index.files[each.name][each.filename] for each in wheels
    }
    total = sum(each.size or 0 for each in wheels)
    assert talk.progressed[-1] == (total, total)
    before = len(index.seen)
    assert fetcher(index, here).all(wheels) == found
    assert len(index.seen) == before


def test_another_file_of_that_name_is_refused_and_not_kept(index: Index, here: Here) -> None:
    good = locked(index, "tool")
    index.put("tool", good.filename, wheel("tool", "1", content="evil = True"))
    with pytest.raises(ByocError) as caught:
        fetcher(index, here).all([good])
    assert caught.value.id == "BYOC-E909"
    assert not [path for path in here.store.root.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_body_that_breaks_off_is_fetched_again(index: Index, here: Here) -> None:
    good = locked(index, "tool")
    index.short[good.filename] = 2
    assert fetcher(index, here).all([good])[good.filename].stat().st_size == good.size
    index.short[good.filename] = 99
    other = replace(locked(index, "other"), url=None)
    index.short[other.filename] = 99
    with pytest.raises(ByocError) as caught:
        fetcher(index, here).all([other])
    assert caught.value.id == "BYOC-E910"


@pytest.mark.parametrize(
    "hint", [None, "http://127.0.0.1:9/gone/tool-1-py3-none-any.whl", "file:///nowhere/tool.whl"]
)
def test_where_the_address_leads_nowhere_the_index_is_asked(
    index: Index, here: Here, hint: str | None
) -> None:
    good = locked(index, "tool", url=hint)
    assert fetcher(index, here).all([good])[good.filename].read_bytes() == index.files["tool"][good.filename]
    assert "GET /simple/tool/" in index.seen


def test_a_wheel_that_nobody_has_is_told_with_where_it_was_looked_for(index: Index, here: Here) -> None:
    good = locked(index, "tool")
    index.gone.add(good.filename)
    with pytest.raises(ByocError) as caught:
        fetcher(index, here).all([good])
    assert caught.value.id == "BYOC-E910"
    assert f"{good.url} answered 404" in caught.value.details


def test_when_one_fails_nobody_waits_for_the_others(index: Index, here: Here) -> None:
    slow, bad = locked(index, "slow"), locked(index, "bad")
    index.silent.add(slow.filename)
    index.put("bad", bad.filename, wheel("bad", "1", content="evil = True"))
    started = time.monotonic()
    with pytest.raises(ByocError) as caught:
        fetcher(index, here).all([slow, bad])
    assert caught.value.id == "BYOC-E909"
    assert time.monotonic() - started < 10


def test_offline_uses_the_store_and_asks_nobody(index: Index, here: Here) -> None:
    good, other = locked(index, "tool"), locked(index, "other")
    kept = fetcher(index, here).all([good])
    before = len(index.seen)
    off = fetcher(index, here, environ={"BYOC_OFFLINE": "1"})
    assert off.all([good]) == kept
    with pytest.raises(ByocError, match="not on this machine"):
        off.all([other])
    assert len(index.seen) == before


def test_a_folder_of_wheels_is_enough(index: Index, here: Here) -> None:
    good = locked(index, "tool", url=None)
    (here.root / "wheels").mkdir()
    (here.root / "wheels" / good.filename).write_bytes(index.files["tool"][good.filename])
    indexes = indexes_of(Wanted(find_links=("wheels",)), here.environ, root=here.root)
    found = Fetcher(indexes=indexes, store=here.store, environ={**here.environ, "BYOC_OFFLINE": "1"}).all(
        [good]
    )
    assert found[good.filename].exists()


def test_an_index_without_hashes_is_measured(index: Index, here: Here) -> None:
    index.hashes = False
    filename = index.add("tool", "1")
    wanted = Wanted(requirements=("tool",), index_url=index.url)
    lock = resolver(wanted, prebuilt(), here).answer().lock
    assert lock is not None
    assert lock.wheels[0].sha256 == index.sha256("tool", filename)


PASSWORD = "hunter2/with+odd@signs"


@pytest.fixture
def private(index: Index) -> Index:
    index.login = ("me", PASSWORD)
    index.add("tool", "1", ["helper"])
    index.add("helper", "1")
    return index


def netrc(private: Index, here: Here) -> dict[str, str]:
    path = Path(here.environ["HOME"], ".netrc")
    path.write_text(f"machine 127.0.0.1 login me password {PASSWORD}\n")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return {}


def in_pips_variable(private: Index, here: Here) -> dict[str, str]:
    return {"PIP_INDEX_URL": private.private_url("me", "hunter2%2Fwith%2Bodd%40signs")}


def in_uvs_variable(private: Index, here: Here) -> dict[str, str]:
    return {"UV_DEFAULT_INDEX": private.private_url("me", "hunter2%2Fwith%2Bodd%40signs")}


def in_keyring(private: Index, here: Here) -> dict[str, str]:
    program = here.root / "bin" / "keyring"
    program.parent.mkdir()
    program.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        test "$*" = "--mode creds --output json get http://{private.address.partition("/")[0]}" || exit 1
        echo '{{"username": "me", "password": "{PASSWORD}"}}'
        """)
    )
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}", "UV_KEYRING_PROVIDER": "subprocess"}


@pytest.mark.parametrize("place", [netrc, in_pips_variable, in_uvs_variable, in_keyring])
@pytest.mark.parametrize("told", [True, False], ids=["byoc.toml", "settings"])
def test_a_login_is_found_where_people_keep_it_and_is_told_to_nobody(
    private: Index, here: Here, place: object, told: bool
) -> None:
    more = place(private, here)  # type: ignore[operator]
    if not told and "URL" not in str(more) and "INDEX" not in str(more):
        more["PIP_INDEX_URL"] = private.url
    heard = Heard()
    there = replace(here, environ={**here.environ, **more}, talk=heard)
    wanted = Wanted(requirements=("tool",), index_url=private.url if told else None)
    asked = resolver(wanted, prebuilt(), there)
    lock = asked.answer().lock
    assert lock is not None
    assert len(asked.tools.fetcher.all(lock.wheels)) == 2
    kept = [path.read_bytes() for path in here.store.root.rglob("*") if path.is_file()]
    everything = write_lock(lock) + repr(lock) + repr(asked) + repr(heard.told) + repr(kept)
    assert "hunter2" not in everything


def test_a_wrong_login_is_told_without_it(private: Index, here: Here) -> None:
    more = {"PIP_INDEX_URL": private.private_url("me", "wrong-password")}
    there = replace(here, environ={**here.environ, **more})
    with pytest.raises(ByocError) as caught:
        resolver(Wanted(requirements=("tool",)), prebuilt(), there).answer()
    assert caught.value.id == "BYOC-E908"
    assert "wrong-password" not in str(caught.value) + str(caught.value.details)


def test_a_login_of_a_token_service_is_used(private: Index, here: Here) -> None:
    there = replace(here, tokens=lambda host: Login("me", PASSWORD) if host == "127.0.0.1" else None)
    wanted = Wanted(requirements=("tool",), index_url=private.url)
    assert resolver(wanted, prebuilt(), there).answer().lock is not None


def test_a_redirect_to_another_host_gets_no_login(private: Index, here: Here) -> None:
    with Index().served() as other:
        filename = other.add("helper", "1")
        private.moved[filename] = f"http://{other.address}/files/helper/{filename}"
        there = replace(here, tokens=lambda host: Login("me", PASSWORD))
        asked = resolver(Wanted(requirements=("tool",), index_url=private.url), prebuilt(), there)
        lock = asked.answer().lock
        assert lock is not None
        other.seen.clear()
        other.logins.clear()
        assert len(asked.tools.fetcher.all(lock.wheels)) == 2
        assert (other.seen, other.logins) == ([f"GET /files/helper/{filename}"], [])


def test_the_proxy_of_the_environment_is_used_but_not_where_no_proxy_says(index: Index, here: Here) -> None:
    host, _, rest = index.address.partition("/")
    one, two = (
        locked(index, name, url=f"http://{name}.wheels.example/{rest}/files/{name}/{name}-1-py3-none-any.whl")
        for name in ("one", "two")
    )
    indexes = indexes_of(Wanted(), here.environ, root=here.root)
    environ = {**here.environ, "http_proxy": f"http://{host}", "NO_PROXY": "two.wheels.example"}
    fetch = Fetcher(indexes=indexes, store=here.store, environ=environ)
    assert fetch.all([one])[one.filename].stat().st_size == one.size
    with pytest.raises(ByocError) as caught:
        fetch.all([two])
    assert caught.value.id == "BYOC-E910"


def test_no_login_goes_to_a_host_without_tls(here: Here) -> None:
    known = ("http://me:hunter2@index.example/simple", "https://me:hunter2@index.example/simple")
    credentials = Credentials(here.environ, known)
    assert credentials.login("http://index.example/simple") is None
    assert credentials.login("https://index.example/files/x.whl") == Login("me", "hunter2")
    assert credentials.login("https://index.example.evil/simple") is None
    assert credentials.hide("it said hunter2 at https://a:b@c/") == "it said *** at https://***@c/"


def test_secrets_are_hidden_in_every_spelling() -> None:
    assert hide("x a/b y a%2Fb z", ["a/b"]) == "x *** y *** z"


def test_an_index_that_nobody_answers_for_is_told(here: Here) -> None:
    wanted = Wanted(requirements=("tool",), index_url="http://127.0.0.1:9/simple")
    with pytest.raises(ByocError) as caught:
        resolver(wanted, prebuilt(), replace(here, environ={**here.environ, "UV_HTTP_RETRIES": "0"})).answer()
    assert caught.value.id == "BYOC-E907"


def test_offline_a_name_that_was_never_seen_is_no_unknown_name(index: Index, here: Here) -> None:
    wanted = Wanted(requirements=("tool",), index_url=index.url)
    with pytest.raises(ByocError) as caught:
        resolver(wanted, prebuilt(), replace(here, environ={**here.environ, "BYOC_OFFLINE": "1"})).answer()
    assert caught.value.id == "BYOC-E907"
    assert not index.seen


def test_what_pip_was_told_counts_where_uv_was_told_nothing(here: Here) -> None:
    pip = {**here.environ, "PIP_INDEX_URL": "https://pip.example/simple", "PIP_FIND_LINKS": "/wheels"}
    assert indexes_of(Wanted(), pip, root=here.root).variables() == {
        "UV_DEFAULT_INDEX": "https://pip.example/simple",
        "UV_FIND_LINKS": "/wheels",
    }
    both = {**pip, "UV_DEFAULT_INDEX": "https://uv.example/simple"}
    assert indexes_of(Wanted(), both, root=here.root).variables() == {}
    own = indexes_of(Wanted(index_url="https://own.example/simple"), both, root=here.root)
    assert own.variables() == {"UV_DEFAULT_INDEX": "https://own.example/simple", "UV_NO_CONFIG": "1"}
