"""Addresses in S3, and where their objects lie below a channel."""

from dataclasses import dataclass

from byoc_kit.errors import UsageError

__all__ = ["SCHEME", "S3Uri"]

SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class S3Uri:
    """A bucket, and a key or the beginning of keys."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> "S3Uri":
        """The address *text*. Raises UsageError for what is none."""
        bucket, _, key = text.removeprefix(SCHEME).partition("/")
        if not text.startswith(SCHEME) or not bucket:
            raise UsageError(
                f"{text} is not an address in S3",
                why="a bucket and perhaps a key are needed",
                fix="write it as s3://BUCKET/KEY",
                id="BYOC-E406",
            )
        return cls(bucket, key)

    def below(self, key: str) -> str | None:
        """Where the object *key* lies in a channel of this prefix (CHN-01); None: nowhere.

        The prefix itself is a folder or a beginning of names: ``s3://b/data/tr`` has ``data/train/a`` as
        ``train/a``, and ``data/tr/a`` as ``a``. Keys that end in a slash are folders of the console.
        """
        if not key.startswith(self.key) or key.endswith("/"):
            return None
        folder = self.key if self.key.endswith("/") or not self.key else self.key + "/"
        start = len(folder) if key.startswith(folder) else self.key.rfind("/") + 1
        return key[start:]
