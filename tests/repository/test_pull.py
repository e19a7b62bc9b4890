"""The Docker engine pulls bases and images from ECR without `docker login`."""

import contextlib
from pathlib import Path

import docker
import pytest

from byoc_kit.errors import ByocError
from byoc_kit.images.daemon import look
from byoc_kit.local.images import find_image
from byoc_kit.oci.config import Platform
from byoc_kit.oci.reference import Named, Repository
from byoc_kit.talk import Silence
from byoc_kit.work.images import open_sink
from byoc_kit.work.logins import engine_login
from rig.ecr import Ecr
from rig.images import made_image, noise

pytestmark = pytest.mark.engine


def test_what_is_in_ecr_is_pulled_by_the_aws_identity(
    ecr_engine: Ecr, engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (ecr_engine.environ() | {"DOCKER_CONFIG": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    ecr_engine.client("ecr").create_repository(repositoryName="team/base")
    repository = Repository(ecr_engine.host(), "team/base")
    with open_sink(Named(repository, "1")) as sink:
        reference = sink.write(made_image({"file": noise(1000, seed=77)}), tag=True)
    with pytest.raises(ByocError) as caught:
        look(engine, reference, Platform(), store=None, talk=Silence())
    assert caught.value.id == "BYOC-E305"
    try:
        seen = look(engine, reference, Platform(), store=None, talk=Silence(), login=engine_login())
        found = find_image(engine, str(Named(repository, "1")), Platform(), Silence(), engine_login())
        assert found.id == seen.image_id
    finally:
        for name in (reference, str(Named(repository, "1"))):
            with contextlib.suppress(docker.errors.ImageNotFound):
                engine.images.remove(name, force=True)
