"""Who we are to registries: what ``docker login`` keeps, and for Amazon ECR what the AWS identity gives."""

import functools
import os
from collections.abc import Callable, Mapping

from byoc_kit.aws.ecr import authorization
from byoc_kit.images.keychain import Credentials, docker_config
from byoc_kit.oci.reference import is_ecr

__all__ = ["logins"]


def logins(environ: Mapping[str, str] = os.environ) -> Callable[[str], Credentials | None]:
    """From a host to its credentials; None: nobody is logged in there.

    A credential helper or login for an ECR host wins over the AWS identity. Asked again, ECR gives a fresh
    token. Raises ByocError: BYOC-E510 where stored logins cannot be read, BYOC-E804 where AWS refuses.
    """
    stored = functools.cache(lambda: docker_config(environ))

    def find(host: str) -> Credentials | None:
        found = stored()(host)
        if found is None and is_ecr(host):
            pair = authorization(host)
            return pair and Credentials(*pair)
        return found

    return find
