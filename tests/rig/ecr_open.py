"""The open registries beside ``rig/ecr.py``: ECR's public gallery and Docker Hub, where anybody may pull.

They want a token nevertheless, from the service that they name; one that was asked for without a login lets
one read, and nothing else.
"""

import json
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from rig.ecr_http import Asked, Reply
from rig.ecr_store import Place, Principal, Refused

__all__ = ["GALLERY", "HUB", "Open"]

GALLERY = "public.ecr.aws"
HUB = "registry-1.docker.io"
SERVICES = {GALLERY: f"https://{GALLERY}/token/", HUB: "https://auth.docker.io/token"}
NAMES = {GALLERY: "public.ecr.aws", HUB: "registry.docker.io"}
ANYBODY = Principal("000000000000", "anybody")


@dataclass(frozen=True)
class OpenPlace(Place):
    """Where such a registry keeps its images: moto asks for an account."""

    name: str = ""

    @property
    def host(self) -> str:
        return self.name


@dataclass
class Open:
    """Both registries, and the tokens they have given."""

    tokens: set[str] = field(default_factory=set)
    places: dict[str, OpenPlace] = field(
        default_factory=lambda: {
            host: OpenPlace(f"00000000000{number}", "us-east-1", host)
            for number, host in enumerate((GALLERY, HUB), 1)
        }
    )

    @property
    def hosts(self) -> tuple[str, ...]:
        """All names that lead here."""
        return (*self.places, "auth.docker.io")

    def token(self, asked: Asked) -> Reply | None:
        """A token, where one is asked for."""
        if (asked.host, asked.path.rstrip("/")) not in {(GALLERY, "/token"), ("auth.docker.io", "/token")}:
            return None
        made = secrets.token_hex(16)
        if "service" in parse_qs(asked.query):
            self.tokens.add(made)
        body = json.dumps({"token": made, "expires_in": 300}).encode()
        return Reply(200, body, {"Content-Type": "application/json"})

    def reader(self, asked: Asked, place: Place) -> Principal:
        """Who asks: anybody with a token, and only to read. Raises Refused."""
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise Refused(401, "UNAUTHORIZED", "authentication required")
        if asked.method not in {"GET", "HEAD"}:
            raise Refused(401, "DENIED", "requested access to the resource is denied")
        return ANYBODY

    def challenge(self, place: Place) -> str:
        """What a 401 wants."""
        return f'Bearer realm="{SERVICES[place.host]}",service="{NAMES[place.host]}"'
