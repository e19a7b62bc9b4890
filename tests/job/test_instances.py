"""How large instance types are."""

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job.instances import Size, size_of


@pytest.mark.parametrize(
    ("instance_type", "cpus", "gib"),
    [
        ("ml.m5.large", 2, 8),
        ("ml.m5.xlarge", 4, 16),
        ("ml.c5.18xlarge", 72, 144),
        ("ml.r5.2xlarge", 8, 64),
        ("ml.g5.48xlarge", 192, 768),
        ("ml.g4dn.12xlarge", 48, 192),
        ("ml.p3.2xlarge", 8, 61),
        ("ml.p4d.24xlarge", 96, 1152),
        ("ml.p5.48xlarge", 192, 2048),
        ("ml.c5n.9xlarge", 36, 96),
        ("ml.t3.medium", 2, 4),
    ],
)
def test_sizes_are_those_of_ec2(instance_type: str, cpus: int, gib: int) -> None:
    assert size_of(instance_type) == Size(cpus, gib << 30)


@pytest.mark.parametrize("instance_type", ["ml.q1.large", "ml.m5.huge", "ml.m5", "large", "ml.m5.xxlarge"])
def test_an_unknown_type_is_refused(instance_type: str) -> None:
    with pytest.raises(UsageError) as caught:
        size_of(instance_type)
    assert caught.value.id == "BYOC-E429"


def test_a_smaller_machine_gives_what_it_has() -> None:
    assert Size(4, 8 << 30).capped(Size(2, 16 << 30)) == Size(2, 8 << 30)
    assert str(Size(2, 3 << 29)) == "2 CPUs and 1.5 GiB"
