"""Nothing but loopback may be looked up while a client runs; what is asked for beyond it is remembered."""

import ipaddress
import socket
from typing import Any

__all__ = ["lookups", "watch"]

lookups: list[str] = []
"""Names that were asked for although they are not this machine."""


def watch() -> None:
    """From now on a look-up of anything but loopback is remembered and refused."""
    asked = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_here(host):
            lookups.append(str(host))
            raise socket.gaierror(socket.EAI_NONAME, f"{host} is not this machine")
        return asked(host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo


def _is_here(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
