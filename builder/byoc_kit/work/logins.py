"""Who we are to registries: what ``docker login`` keeps, and for Amazon ECR what the AWS identity gives."""

import functools
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from byoc_kit.aws.ecr import TOKENS, Token, ended
from byoc_kit.aws.session import AwsSettings
from byoc_kit.errors import ByocError
from byoc_kit.images.keychain import Credentials, docker_config
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.work.accounts import Accounts

__all__ = ["engine_login", "logins"]


def logins(
    environ: Mapping[str, str] = os.environ,
    accounts: Accounts | None = None,
    now: Callable[[], float] = time.time,
) -> Callable[[str], Credentials | None]:
    """From a host to its credentials; None: nobody is logged in there.

    A credential helper or login for an ECR host wins over the AWS identity for as long as it holds, for
    `docker login` keeps a token that ends after hours. Our own is asked for once, and anew before it ends.
    Raises ByocError: BYOC-E510 where stored logins cannot be read, else as ``aws_errors`` where AWS refuses.
    """
    stored = functools.cache(lambda: docker_config(environ))
    identities = accounts or Accounts()

    def find(host: str) -> Credentials | None:
        registry = EcrRegistry.of_host(host)
        found = stored()(host)
        if registry is None:
            return found
        settings = identities.of(registry.account)
        if found is None or ended(found.secret, now()):
            return _of_ecr(settings, registry)

        def renew(refused: bool) -> Credentials:
            return (refused and _of_ecr(settings, registry)) or replace(found, renew=renew)

        return replace(found, renew=renew)

    return find


def engine_login(
    environ: Mapping[str, str] = os.environ, accounts: Accounts | None = None
) -> Callable[[str], dict[str, str] | None]:
    """As :func:`logins`, for the Docker engine's client: it finds by itself what ``docker login`` keeps."""
    find = logins(environ, accounts)

    def login(host: str) -> dict[str, str] | None:
        found = find(host) if EcrRegistry.of_host(host) else None
        return {"username": found.user, "password": found.secret} if found else None

    return login


def _of_ecr(settings: AwsSettings, registry: EcrRegistry) -> Credentials | None:
    """A token for *registry*; None where there is no AWS identity at all."""

    def held(token: Token) -> Credentials:
        def renew(refused: bool) -> Credentials:
            if refused:
                TOKENS.forget(token.password)
            return held(TOKENS.of(settings, registry.region, registry.account))

        return Credentials(token.user, token.password, renew)

    try:
        return held(TOKENS.of(settings, registry.region, registry.account))
    except ByocError as error:
        if error.id == "BYOC-E814":
            return None
        raise
