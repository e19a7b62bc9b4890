"""What a repository of Amazon ECR holds, by one question to its API instead of one for each tag."""

from collections.abc import Mapping
from dataclasses import dataclass

from byoc_kit.aws.session import AwsSettings, aws_errors, client
from byoc_kit.oci.digest import Digest, is_digest
from byoc_kit.oci.ecr import EcrRegistry

__all__ = ["Listing", "list_repository"]

PAGE = 1000
"""The most that ECR tells at once."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All manifests of one repository."""

    tags: Mapping[str, Digest]
    digests: frozenset[Digest]
    """With those that have no tag: artifacts, and what was replaced."""


def list_repository(settings: AwsSettings, registry: EcrRegistry, path: str) -> Listing | None:
    """The repository *path* of *registry*; None: it does not exist.

    Raises ByocError where AWS refuses: ``ecr:ListImages`` is what listing tags by HTTP needs, too.
    """
    api = client(settings, "ecr", registry.region)
    pages = api.get_paginator("list_images").paginate(
        registryId=registry.account, repositoryName=path, PaginationConfig={"PageSize": PAGE}
    )
    with aws_errors(f"listing the images of {registry.host}/{path}", settings):
        try:
            images = [image for page in pages for image in page["imageIds"] if _named(image)]
        except api.exceptions.RepositoryNotFoundException:
            return None
    return Listing(
        {image["imageTag"]: Digest(image["imageDigest"]) for image in images if "imageTag" in image},
        frozenset(Digest(image["imageDigest"]) for image in images),
    )


def _named(image: Mapping[str, str]) -> bool:
    return is_digest(image.get("imageDigest", ""))
