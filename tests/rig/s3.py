"""S3 as moto has it, on a port of the loopback."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

__all__ = ["s3_server"]


@contextmanager
def s3_server() -> Iterator[Mapping[str, str]]:
    """An empty S3; gives the environment in which boto3 talks to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        server.stop()
        _empty()


def _empty() -> None:
    """What moto keeps belongs to the process: the next server would have it too."""
    for account in list(s3_backends.values()):
        for backend in list(account.values()):
            backend.reset()
