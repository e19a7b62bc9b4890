"""A config says the same, whether it comes from a registry's blob or from the engine."""

import pytest

from byoc_kit.oci.config import ImageConfig, Platform

INNER = {
    "Entrypoint": ["/usr/bin/python3", "-I", "/opt/byoc/entry"],
    "Cmd": ["train"],
    "Env": ["PATH=/usr/bin", "A=b=c", "ODD"],
    "Labels": {"a": "b"},
    "User": "root",
    "WorkingDir": "/opt",
    "StopSignal": "SIGQUIT",
    "Volumes": {"/b": {}, "/a": {}},
    "Healthcheck": {"Test": ["CMD", "true"]},
}


def test_blob_and_inspect_say_the_same() -> None:
    blob = ImageConfig.from_json({"os": "linux", "architecture": "arm64", "config": INNER})
    assert blob == ImageConfig.from_json({"Os": "linux", "Architecture": "arm64", "Config": INNER})
    assert blob.platform == Platform("linux", "arm64")
    assert blob.env == {"PATH": "/usr/bin", "A": "b=c"}
    assert blob.volumes == ("/a", "/b")
    assert blob.healthcheck
    assert blob.cmd == ("train",)


def test_an_empty_config_has_no_entrypoint() -> None:
    config = ImageConfig.from_json({"architecture": "amd64", "config": None})
    assert config.entrypoint is None
    assert config.user == ""
    assert not config.healthcheck


def test_healthcheck_none_is_no_healthcheck() -> None:
    assert not ImageConfig.from_json({"config": {"Healthcheck": {"Test": ["NONE"]}}}).healthcheck


@pytest.mark.parametrize("text", ["linux", "/amd64", "linux/", ""])
def test_no_platform(text: str) -> None:
    with pytest.raises(ValueError, match="is not os/architecture"):
        Platform.parse(text)


def test_a_variant_is_dropped() -> None:
    assert str(Platform.parse("linux/arm64/v8")) == "linux/arm64"
