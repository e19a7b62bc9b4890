"""Against a registry that lies, breaks and is busy: the right image in the end, or an error and no tag."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.images.http import Backoff
from byoc_kit.images.keychain import Credentials
from byoc_kit.images.registry_sink import RegistrySink
from byoc_kit.images.registry_source import open_registry
from byoc_kit.images.session import Session
from byoc_kit.oci.config import Platform
from byoc_kit.oci.image import Image
from byoc_kit.oci.reference import Named, parse_location
from byoc_kit.store import Store
from byoc_kit.talk import Silence
from rig.faults import answer, cut, drip, garbage, hang_up, lose, redirect, silence, unannounced, wrong_length
from rig.images import MemoryLayer, made_image, noise
from rig.lying import Lying, Reply, Request, lying

BIG = {"data": noise(700_000)}
BLOB, UPLOAD, MANIFEST = r"/blobs/sha256", r"/blobs/uploads/.", "/manifests/"


@pytest.fixture
def registry() -> Iterator[Lying]:
    with lying() as made:
        yield made
    while SESSIONS:
        SESSIONS.pop().close()


SESSIONS: list[Session] = []


def ann(host: str) -> Credentials:
    return Credentials("ann", "hunter2")


def session(registry: Lying, path: str = "t/a", *, window: float = 5.0) -> Session:
    named = parse_location(f"{registry.host}/{path}")
    assert isinstance(named, Named)
    made = Session(named.repository, keychain=ann, environ={}, backoff=Backoff.standard(0.001), window=window)
    SESSIONS.append(made)
    return made


def sink(registry: Lying, where: str = "t/a:1", *, jobs: int = 1, window: float = 5.0) -> RegistrySink:
    location = parse_location(f"{registry.host}/{where}")
    assert isinstance(location, Named)
    return RegistrySink(
        location,
        session(registry, where.partition(":")[0], window=window),
        Store(Path("/nowhere")),
        Silence(),
        jobs,
    )


def read(registry: Lying, where: str = "t/a:1", *, window: float = 5.0) -> Image:
    location = parse_location(f"{registry.host}/{where}")
    assert isinstance(location, Named)
    return open_registry(location, Platform(), session(registry, location.repository.path, window=window))


def arrived(registry: Lying, image: Image, where: str = "t/a:1") -> None:
    registry.rules.clear()
    registry.busy_every = 0
    assert registry.whole()
    assert registry.tags()[where] == image.manifest.digest
    found = read(registry, where)
    assert found.raw_config == image.raw_config
    assert [b"".join(each.read()) for each in found.layers] == [
        b"".join(each.read()) for each in image.layers
    ]


def refused(registry: Lying, image: Image, known_as: str) -> ByocError:
    with pytest.raises(ByocError) as caught:
        sink(registry).write(image, tag=True)
    assert caught.value.id == known_as, str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert registry.tags() == {}
    assert registry.whole()
    return caught.value


# --- writing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("every", [3, 4, 5, 7])
def test_a_registry_that_is_busy_now_and_then_gets_the_right_image(
    registry: Lying, jobs: int, every: int
) -> None:
    image = made_image(BIG, {"a": b"1"}, {"b": b"2"}, {"c": b"3"})
    registry.busy_every = every
    sink(registry, jobs=jobs).write(image, tag=True)
    arrived(registry, image)


def test_a_body_that_was_refused_before_any_effect_goes_to_the_same_upload(registry: Lying) -> None:
    image = made_image(BIG)
    registry.on("PATCH", UPLOAD, answer(503), times=2)
    sink(registry).write(image, tag=True)
    assert registry.count("POST", "/uploads/$") == 2  # one for the layer, one for the config
    arrived(registry, image)


@pytest.mark.parametrize("reads_body", [True, False])
def test_a_body_that_got_lost_is_sent_again(registry: Lying, reads_body: bool) -> None:
    image = made_image(BIG)
    registry.on("PATCH", UPLOAD, hang_up, reads_body=reads_body)
    sink(registry).write(image, tag=True)
    arrived(registry, image)


def test_a_registry_that_stops_reading_is_tried_again(registry: Lying) -> None:
    image = made_image({"data": noise(16 << 20)})
    registry.on("PATCH", UPLOAD, silence(8.0), reads_body=False)
    before = time.monotonic()
    sink(registry, window=0.5).write(image, tag=True)
    assert time.monotonic() - before < 6
    arrived(registry, image)


def test_a_body_of_which_half_was_kept_is_begun_anew(registry: Lying) -> None:
    def half(lying: Lying, request: Request, honest: object) -> Reply:
        name = request.path.rpartition("/")[2]
        lying.uploads[name] = request.body[:1000]
        return Reply(close=True)

    image = made_image(BIG)
    registry.on("PATCH", UPLOAD, half)
    sink(registry).write(image, tag=True)
    assert (registry.count("POST", "/uploads/$"), registry.count("PATCH")) == (3, 3)
    arrived(registry, image)


def test_an_end_whose_answer_got_lost_is_not_a_second_upload(registry: Lying) -> None:
    image = made_image(BIG)
    registry.on("PUT", UPLOAD, lose)
    sink(registry).write(image, tag=True)
    assert registry.count("PATCH") == 2
    arrived(registry, image)


def test_a_manifest_whose_answer_got_lost_is_put_again(registry: Lying) -> None:
    image = made_image(BIG)
    registry.on("PUT", MANIFEST, lose, times=2)
    sink(registry).write(image, tag=True)
    arrived(registry, image)


def test_a_blob_that_was_damaged_on_the_way_is_sent_again(registry: Lying) -> None:
    def damaged(lying: Lying, request: Request, honest: object) -> Reply:
        return lying.serve(dataclasses.replace(request, body=b"\0" + request.body[1:]))

    image = made_image(BIG)
    registry.on("PATCH", UPLOAD, damaged)
    sink(registry).write(image, tag=True)
    arrived(registry, image)


def test_a_blob_that_the_registry_only_pretends_to_take_moves_no_tag(registry: Lying) -> None:
    registry.on("PUT", UPLOAD, answer(201), times=99)
    error = refused(registry, made_image(BIG), "BYOC-E521")
    assert "does not have it" in error.why
    assert registry.manifests == {}


def test_a_manifest_that_the_registry_only_pretends_to_take_moves_no_tag(registry: Lying) -> None:
    registry.on("PUT", MANIFEST, answer(201), times=99)
    refused(registry, made_image(BIG), "BYOC-E524")


def test_a_registry_that_stays_busy_is_given_up_without_a_tag(registry: Lying) -> None:
    registry.on("PATCH", UPLOAD, answer(503), times=99)
    error = refused(registry, made_image(BIG), "BYOC-E506")
    assert "503" in error.what
    registry.rules.clear()
    sink(registry).write(made_image(BIG), tag=True)
    arrived(registry, made_image(BIG))


def test_a_line_that_always_breaks_is_given_up_without_a_tag(registry: Lying) -> None:
    registry.on("PATCH", UPLOAD, hang_up, times=99)
    refused(registry, made_image(BIG), "BYOC-E505")


@pytest.mark.parametrize("status", [400, 403, 413, 418])
def test_a_refusal_is_told_with_its_code(registry: Lying, status: int) -> None:
    body = b'{"errors": [{"code": "DENIED", "message": "no hunter2"}]}'
    registry.on("POST", "/uploads/", answer(status, {}, body), times=99)
    error = refused(registry, made_image(BIG), "BYOC-E502" if status == 403 else "BYOC-E506")
    assert f"{status} DENIED" in error.what


def test_a_repository_that_must_be_made_first_is_told(registry: Lying) -> None:
    body = b'{"errors": [{"code": "NAME_UNKNOWN"}]}'
    registry.on("POST", "/uploads/", answer(404, {}, body), times=99)
    assert refused(registry, made_image(BIG), "BYOC-E529").what.endswith("/t/a does not exist")


def test_an_upload_without_a_place_is_told(registry: Lying) -> None:
    registry.on("POST", "/uploads/", answer(202), times=99)
    refused(registry, made_image(BIG), "BYOC-E507")


def test_a_registry_with_the_habits_of_ecr_gets_the_right_image(registry: Lying) -> None:
    registry.like_ecr, registry.login = True, "Basic"
    image = made_image(BIG, {"a": b"1"})
    registry.on("PATCH", UPLOAD, lose)
    sink(registry).write(image, tag=True)
    arrived(registry, image)


def test_what_retry_after_asks_for_is_waited_within_limits(registry: Lying) -> None:
    image = made_image(BIG)
    registry.on("PATCH", UPLOAD, answer(429, {"Retry-After": "1"}))
    registry.on("POST", "/uploads/", answer(429, {"Retry-After": "0"}))
    sink(registry).write(image, tag=True)
    arrived(registry, image)


def test_an_image_that_is_there_costs_few_requests(registry: Lying) -> None:
    image = made_image(BIG, {"a": b"1"})
    sink(registry).write(image, tag=True)
    registry.asked.clear()
    again = sink(registry)
    assert again.survey(image).sent == 0
    again.write(image, tag=True)
    assert [each.method for each in registry.asked] == ["HEAD"] * 3 + ["GET"] * 2


def test_under_its_own_digest_an_image_gets_no_tag(registry: Lying) -> None:
    image = made_image(BIG)
    assert (
        sink(registry, f"t/a:1@{image.manifest.digest}")
        .write(image, tag=True)
        .endswith(image.manifest.digest)
    )
    assert registry.tags() == {}
    assert read(registry, f"t/a@{image.manifest.digest}").manifest == image.manifest


# --- mounting -------------------------------------------------------------------------------------------


def test_what_another_repository_has_is_mounted(registry: Lying) -> None:
    image = made_image(BIG, {"a": b"1"})
    sink(registry).write(image, tag=True)
    sent = registry.count("PATCH")
    sink(registry, "t/b:1").write(read(registry), tag=True)
    assert registry.count("PATCH") == sent, "the config is mounted, too"
    arrived(registry, image, "t/b:1")


@pytest.mark.parametrize("status", [None, 400, 405])
def test_where_mounting_is_refused_the_bytes_are_sent(registry: Lying, status: int | None) -> None:
    image = made_image(BIG)
    sink(registry).write(image, tag=True)
    registry.mounts = False
    if status:
        registry.on("POST", "/uploads/", answer(status))
    before = registry.count("POST")
    sink(registry, "t/b:1").write(read(registry), tag=True)
    assert registry.count("POST") - before == (3 if status else 2)  # the upload that was offered is used
    arrived(registry, image, "t/b:1")


def test_a_mount_asks_for_a_token_that_may_read_its_source(registry: Lying) -> None:
    registry.login = "Bearer"
    image = made_image(BIG)
    sink(registry).write(image, tag=True)
    sink(registry, "t/b:1").write(read(registry), tag=True)
    asked = [each for each in registry.asked if each.path == "/token"]
    scopes = [each.query["scope"] for each in asked]  # the last of several
    assert scopes == ["repository:t/a:pull,push"] * 2 + ["repository:t/b:pull,push", "repository:t/a:pull"]
    arrived(registry, image, "t/b:1")


# --- logins ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT", "GET"])
def test_a_token_that_ends_in_the_middle_is_renewed(registry: Lying, method: str) -> None:
    def ended(lying: Lying, request: Request, honest: object) -> Reply:
        lying.tokens.clear()
        return lying.serve(request)

    registry.login = "Bearer"
    image, to = made_image(BIG), sink(registry)
    assert to.session.call("GET", "tags/list").status == 200
    registry.on(method, "/v2/", ended)
    to.write(image, tag=True)
    assert registry.count("GET", "/token") == 2
    arrived(registry, image)


def test_of_many_that_are_refused_at_once_one_renews_the_token(registry: Lying) -> None:
    registry.login = "Bearer"
    to = sink(registry, jobs=8)
    image = made_image(*({"data": noise(50_000, seed)} for seed in range(8)))
    assert to.session.call("GET", "tags/list").status == 200
    registry.tokens.clear()
    barrier = threading.Barrier(8)

    def together(lying: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
        barrier.wait(10)
        return honest()

    registry.on("HEAD", BLOB, together, times=8)
    assert len(to.missing(image.layers)) == 8
    assert registry.count("GET", "/token") == 2


def test_a_token_is_renewed_before_it_ends(registry: Lying) -> None:
    registry.login, now = "Bearer", [1000.0]
    talk = session(registry)
    talk.clock = lambda: now[0]
    assert talk.call("GET", "tags/list").status == 200
    now[0] += 2600
    assert talk.call("GET", "tags/list").status == 200
    assert registry.count("GET", "/token") == 1
    now[0] += 200
    assert talk.call("GET", "tags/list").status == 200
    assert [registry.count("GET", "/token"), registry.count("GET", "tags")] == [2, 4]


def test_who_is_not_let_in_is_told_so_once(registry: Lying) -> None:
    registry.login = "Basic"
    talk = session(registry)
    talk.keychain = lambda host: Credentials("ann", "wrong-hunter2")
    with pytest.raises(ByocError) as caught:
        talk.call("GET", "tags/list")
    assert caught.value.id == "BYOC-E502"
    assert "hunter2" not in str(caught.value)
    assert len(registry.asked) == 2


def test_an_upload_at_another_host_gets_no_login(registry: Lying) -> None:
    with lying() as other:
        registry.login = "Basic"
        image = made_image(BIG)
        elsewhere = f"http://{other.host}/v2/x/blobs/uploads/0123"
        other.uploads["0123"] = b""
        registry.on("POST", "/uploads/", answer(202, {"Location": elsewhere}))
        error = refused(registry, image, "BYOC-E521")  # the registry itself never gets it
        assert "does not have it" in error.why
        assert other.count("PATCH") == 1
        assert not [each for each in other.asked if "authorization" in each.headers]


# --- reading --------------------------------------------------------------------------------------------


def pushed(registry: Lying) -> tuple[Image, bytes]:
    image = made_image(BIG)
    sink(registry).write(image, tag=True)
    layer = image.layers[0]
    assert isinstance(layer, MemoryLayer)
    registry.asked.clear()
    return image, layer.blob


def test_a_body_that_breaks_off_is_continued_where_it_broke(registry: Lying) -> None:
    _, blob = pushed(registry)
    found = read(registry).layers[0]
    registry.on("GET", BLOB, cut(100_000))
    registry.on("GET", BLOB, cut(0))
    registry.on("GET", BLOB, cut(200_000))
    assert b"".join(found.read()) == blob
    ranges = [
        each.headers.get("range") for each in registry.asked if each.path.endswith(found.descriptor.digest)
    ]
    assert ranges == [None, "bytes=100000-", "bytes=100000-", "bytes=300000-"]


def test_a_line_that_breaks_often_is_no_reason_to_give_up_while_it_moves(registry: Lying) -> None:
    image = made_image({"data": noise(10 << 20)})
    sink(registry).write(image, tag=True)
    found = read(registry).layers[0]
    registry.on("GET", found.descriptor.digest, cut(1 << 20), times=9)
    assert b"".join(found.read()) == b"".join(image.layers[0].read())
    registry.on("GET", found.descriptor.digest, cut(1 << 10), times=99)
    with pytest.raises(ByocError) as caught:
        b"".join(found.read())
    assert caught.value.id == "BYOC-E505"


def test_a_busy_registry_is_asked_for_a_blob_six_times(registry: Lying) -> None:
    _, _ = pushed(registry)
    found = read(registry).layers[0]
    registry.on("GET", found.descriptor.digest, answer(503), times=99)
    with pytest.raises(ByocError) as caught:
        b"".join(found.read())
    assert caught.value.id == "BYOC-E506"
    assert registry.count("GET", found.descriptor.digest) == 6


def test_a_body_follows_no_redirect(registry: Lying) -> None:
    with lying() as other:
        registry.on("PATCH", UPLOAD, redirect(f"http://{other.host}/v2/x/blobs/uploads/1"), times=9)
        refused(registry, made_image(BIG), "BYOC-E506")
        assert other.asked == []


def test_a_registry_without_ranges_sends_again_what_we_have(registry: Lying) -> None:
    def all_of_it(lying: Lying, request: Request, honest: object) -> Reply:
        return lying.serve(dataclasses.replace(request, headers={}))

    _, blob = pushed(registry)
    found = read(registry).layers[0]
    registry.on("GET", BLOB, cut(100_000))
    registry.on("GET", BLOB, all_of_it, times=9)
    assert b"".join(found.read()) == blob
    assert b"".join(found.read(650_000)) == blob[650_000:]


def lies(registry: Lying, known_as: str, *, window: float = 5.0) -> ByocError:
    with pytest.raises(ByocError) as caught:
        b"".join(read(registry, window=window).layers[0].read())
    assert caught.value.id == known_as, str(caught.value)
    return caught.value


def test_another_part_than_was_asked_for_is_not_taken(registry: Lying) -> None:
    image, _ = pushed(registry)
    layer = image.layers[0].descriptor.digest
    registry.on("GET", layer, cut(100_000))
    registry.on("GET", layer, answer(206, {"Content-Range": "bytes 0-9/700000"}, b"0123456789"))
    assert "another part" in lies(registry, "BYOC-E521").why


@pytest.mark.parametrize("by", [-1, 1, 10_000])
def test_a_wrong_length_is_noticed_before_a_byte_is_used(registry: Lying, by: int) -> None:
    image, _ = pushed(registry)
    registry.on("GET", image.layers[0].descriptor.digest, wrong_length(by), times=99)
    assert "announces" in lies(registry, "BYOC-E521").why


def test_a_short_body_of_unknown_length_is_continued(registry: Lying) -> None:
    image, blob = pushed(registry)
    digest = image.layers[0].descriptor.digest
    registry.on("GET", digest, unannounced(lambda body: body[:1000]))
    assert b"".join(read(registry).layers[0].read()) == blob
    assert [each.headers.get("range") for each in registry.asked if digest in each.path] == [
        None,
        "bytes=1000-",
    ]


def test_a_long_body_of_unknown_length_is_not_taken(registry: Lying) -> None:
    image, _ = pushed(registry)
    registry.on("GET", image.layers[0].descriptor.digest, unannounced(lambda body: body + b"x"), times=99)
    assert "sends more than" in lies(registry, "BYOC-E521").why


def test_garbage_of_the_right_length_is_noticed(registry: Lying) -> None:
    image, _ = pushed(registry)
    registry.on("GET", image.layers[0].descriptor.digest, garbage, times=99)
    assert image.layers[0].descriptor.digest in lies(registry, "BYOC-E504").why


def test_garbage_on_the_way_to_another_registry_becomes_no_image(registry: Lying) -> None:
    image, _ = pushed(registry)
    with lying() as other:
        source = read(registry)
        registry.on("GET", image.layers[0].descriptor.digest, garbage, times=99)
        refused(other, source, "BYOC-E504")
        assert other.blobs == {} or list(other.blobs) == [("t/a", image.manifest.config.digest)]


def test_a_page_in_place_of_a_blob_is_noticed(registry: Lying) -> None:
    image, _ = pushed(registry)
    page = answer(200, {"Content-Type": "text/html"}, b"<html>please log in</html>")
    registry.on("GET", image.layers[0].descriptor.digest, page, times=99)
    assert "please" not in str(lies(registry, "BYOC-E521"))


def test_redirects_in_a_circle_end(registry: Lying) -> None:
    image, _ = pushed(registry)
    digest = image.layers[0].descriptor.digest
    registry.on("GET", digest, redirect(f"/v2/t/a/blobs/{digest}"), times=99)
    assert "redirect" in lies(registry, "BYOC-E505").why


def test_a_redirect_to_storage_takes_no_login_along(registry: Lying) -> None:
    image, blob = pushed(registry)
    registry.login = "Basic"
    with lying() as storage:
        digest = image.layers[0].descriptor.digest
        storage.blobs["s", digest] = blob
        registry.on("GET", digest, cut(100_000), times=0)
        found = read(registry).layers[0]
        registry.on(
            "GET", digest, redirect(f"http://{storage.host}/v2/s/blobs/{digest}?sig=hunter2"), times=2
        )
        storage.on("GET", digest, cut(1000))
        assert b"".join(found.read()) == blob
        assert storage.count("GET") == 2
        assert not [each for each in storage.asked if "authorization" in each.headers]


def test_silence_is_broken_by_asking_again(registry: Lying) -> None:
    image, blob = pushed(registry)
    registry.on("GET", image.layers[0].descriptor.digest, silence(1.0), times=2)
    assert b"".join(read(registry, window=0.3).layers[0].read()) == blob


def test_silence_for_ever_is_told(registry: Lying) -> None:
    image, _ = pushed(registry)
    registry.on("GET", image.layers[0].descriptor.digest, silence(0.5), times=99)
    assert "timed out" in lies(registry, "BYOC-E505", window=0.1).why


def test_a_connection_that_only_drips_counts_as_lost(registry: Lying) -> None:
    image, blob = pushed(registry)
    registry.on("GET", image.layers[0].descriptor.digest, drip(0.01))
    found = read(registry, window=0.3).layers[0]
    assert b"".join(found.read()) == blob
    assert registry.count("GET", found.descriptor.digest) == 2


def test_a_blob_that_is_gone_is_told(registry: Lying) -> None:
    image, _ = pushed(registry)
    del registry.blobs["t/a", image.layers[0].descriptor.digest]
    lies(registry, "BYOC-E503")


def test_a_blob_of_another_size_is_not_taken_for_ours(registry: Lying) -> None:
    image = made_image(BIG)
    registry.blobs["t/a", image.layers[0].descriptor.digest] = b"short"
    error = refused_anyway(registry, image)
    assert "5 bytes" in error.why


def refused_anyway(registry: Lying, image: Image) -> ByocError:
    with pytest.raises(ByocError) as caught:
        sink(registry).write(image, tag=True)
    assert caught.value.id == "BYOC-E521"
    assert registry.manifests == {}
    return caught.value


@pytest.mark.parametrize(
    "raw", [b"[]", b"not json", b'{"rootfs": 1}', b'{"rootfs": {"diff_ids": ["x"]}}', b"{}"]
)
def test_a_config_that_is_none_is_told(registry: Lying, raw: bytes) -> None:
    from byoc_kit.oci.digest import measure
    from byoc_kit.oci.manifest import DOCKER_CONFIG, Descriptor, docker_manifest

    image = made_image({"a": b"1"})
    manifest = docker_manifest(
        Descriptor(DOCKER_CONFIG, *measure([raw])), [layer.descriptor for layer in image.layers]
    )
    registry.blobs["t/a", manifest.config.digest] = raw
    registry.manifests["t/a", "1"] = manifest.media_type, manifest.raw
    with pytest.raises(ByocError) as caught:
        read(registry)
    assert caught.value.id == "BYOC-E507"
