"""What we may do with a repository, found out by trying it in ways that leave nothing behind.

IAM is asked before anything else: any answer but a refusal means that the action is allowed. So each
request names something that does not exist, or cannot be right.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from byoc_kit.aws.refusal import DENIED, code_of, told, words_of
from byoc_kit.aws.session import AwsSettings, client
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.plan.iam import Cause, Denied

__all__ = ["probe"]

AT_ONCE: Final = 4  # requests
NO_TAG: Final = "byoc-doctor-looks-for-nothing"
NO_LAYER: Final = f"sha256:{'0' * 64}"
NO_UPLOAD: Final = "00000000-0000-0000-0000-000000000000"

Try = Callable[[Any, Mapping[str, str]], object]

TRIES: Final[Mapping[str, Try]] = {
    "ecr:BatchCheckLayerAvailability": lambda ecr, target: ecr.batch_check_layer_availability(
        **target, layerDigests=[NO_LAYER]
    ),
    "ecr:BatchGetImage": lambda ecr, target: ecr.batch_get_image(**target, imageIds=[{"imageTag": NO_TAG}]),
    "ecr:CompleteLayerUpload": lambda ecr, target: ecr.complete_layer_upload(
        **target, uploadId=NO_UPLOAD, layerDigests=[NO_LAYER]
    ),
    "ecr:DescribeImages": lambda ecr, target: ecr.describe_images(**target, imageIds=[{"imageTag": NO_TAG}]),
    "ecr:DescribeRepositories": lambda ecr, target: ecr.describe_repositories(
        registryId=target["registryId"], repositoryNames=[target["repositoryName"]]
    ),
    "ecr:GetDownloadUrlForLayer": lambda ecr, target: ecr.get_download_url_for_layer(
        **target, layerDigest=NO_LAYER
    ),
    "ecr:InitiateLayerUpload": lambda ecr, target: ecr.initiate_layer_upload(**target),
    "ecr:ListImages": lambda ecr, target: ecr.list_images(**target, maxResults=1),
    "ecr:PutImage": lambda ecr, target: ecr.put_image(**target, imageManifest="{}", imageDigest=NO_LAYER),
    "ecr:UploadLayerPart": lambda ecr, target: ecr.upload_layer_part(
        **target, uploadId=NO_UPLOAD, partFirstByte=0, partLastByte=0, layerPartBlob=b"0"
    ),
}
"""Action to a request for it. An upload that is begun and gets no part is no trace: ECR forgets it."""


def probe(
    settings: AwsSettings, registry: EcrRegistry, path: str, actions: Iterable[str]
) -> tuple[Denied, ...]:
    """Those of *actions* that are refused on the repository *path*, as AWS words it.

    Raises ByocError as ``aws_errors`` where AWS cannot be asked at all.
    """
    ecr = client(settings, "ecr", registry.region)
    target = {"registryId": registry.account, "repositoryName": path}

    def one(action: str) -> Denied | None:
        return _refused(action, lambda: TRIES[action](ecr, target), registry.arn(path), str(settings))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(denied for denied in pool.map(one, actions) if denied is not None)


def _refused(action: str, attempt: Callable[[], object], resource: str, who: str) -> Denied | None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        attempt()
    except ClientError as error:
        if code_of(error) in DENIED:
            unknown = Denied(
                action=action, resource=resource, principal=None, cause=Cause.NOT_ALLOWED, explicit=False
            )
            return Denied.parse(words_of(error)) or unknown
        mine = told(error, f"trying {action}", who)
        if mine.id != "BYOC-E821":  # not the answer to the request, but trouble before it
            raise mine from error
    except BotoCoreError as error:
        raise told(error, f"trying {action}", who) from error
    return None
