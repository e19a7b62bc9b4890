"""Which Content-Type a request file has, by its name."""

import mimetypes
from pathlib import PurePath

__all__ = ["content_type"]

KNOWN = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".ndjson": "application/jsonlines",
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".txt": "text/plain",
    ".libsvm": "text/libsvm",
    ".svm": "text/libsvm",
    ".parquet": "application/x-parquet",
    ".recordio": "application/x-recordio-protobuf",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
}
"""The types SageMaker's own containers and toolkits go by (STK-07), then the usual media."""

UNKNOWN = "application/octet-stream"


def content_type(path: PurePath) -> str:
    """The type for *path*; ``application/octet-stream`` when its name says nothing."""
    suffix = path.suffix.lower()
    return KNOWN.get(suffix) or mimetypes.types_map.get(suffix, UNKNOWN)
