"""A digest is of bytes, and bytes that it does not name do not get through."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.errors import ByocError
from byoc_kit.oci.digest import Digest, is_digest, measure, parse_digest, verified


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_how_bytes_are_cut_does_not_matter(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    digest, size = measure(chunks)
    assert (digest, size) == (f"sha256:{hashlib.sha256(whole).hexdigest()}", len(whole))
    assert b"".join(verified(chunks, digest, where="here")) == whole


def test_other_bytes_are_noticed_at_the_end() -> None:
    digest, _ = measure([b"right"])
    chunks = verified([b"wro", b"ng"], digest, where="a.example/b")
    assert next(chunks) == b"wro"
    assert next(chunks) == b"ng"
    with pytest.raises(ByocError) as caught:
        next(chunks)
    assert caught.value.id == "BYOC-E504"
    assert "a.example/b" in caught.value.what
    assert digest in caught.value.why


@pytest.mark.parametrize(
    "text", ["", "sha256:", "sha256:" + "0" * 63, "sha256:" + "G" * 64, "0" * 64, "md5:" + "0" * 32]
)
def test_no_digest(text: str) -> None:
    assert not is_digest(text)
    with pytest.raises(ValueError, match="is not a digest"):
        parse_digest(text)


def test_a_digest_is_its_text() -> None:
    text = "sha256:" + "a" * 64
    assert parse_digest(text) == Digest(text)
