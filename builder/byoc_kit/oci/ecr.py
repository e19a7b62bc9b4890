"""Registries of Amazon ECR by account and region: each account has one in every region.

Partitions and DNS suffixes are those of botocore's ``partitions.json``.
"""

from dataclasses import dataclass
from typing import Final, Self

from byoc_kit.oci.reference import ECR_HOST

__all__ = ["EcrRegistry", "dns_suffix", "partition_of"]

PARTITIONS: Final = (
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
)
"""Beginning of a region, partition, DNS suffix; all others are of ``aws`` and ``amazonaws.com``."""


@dataclass(frozen=True, slots=True)
class EcrRegistry:
    """The private registry of one account in one region."""

    account: str
    """12 digits."""
    region: str

    @classmethod
    def of_host(cls, host: str | None) -> Self | None:
        """The registry that *host* is; None for anything that is not exactly one, with or without a port."""
        found = ECR_HOST.fullmatch(host or "")
        return cls(found["account"], found["region"]) if found else None

    @property
    def host(self) -> str:
        """``111122223333.dkr.ecr.eu-west-1.amazonaws.com``."""
        return f"{self.account}.dkr.ecr.{self.region}.{dns_suffix(self.region)}"

    def arn(self, path: str) -> str:
        """The ARN of the repository *path*."""
        return f"arn:{partition_of(self.region)}:ecr:{self.region}:{self.account}:repository/{path}"


def partition_of(region: str) -> str:
    """``aws``, ``aws-cn`` and so on: what ARNs begin with."""
    return next((name for start, name, _ in PARTITIONS if region.startswith(start)), "aws")


def dns_suffix(region: str) -> str:
    """What the names of AWS's hosts in *region* end with."""
    return next((suffix for start, _, suffix in PARTITIONS if region.startswith(start)), "amazonaws.com")
