"""What follows from where an image lies, and from what it tells of its ports."""

import re
from typing import Final

from byoc_kit.contract.clauses.verdicts import NOBODY, SERVING, apart, broken, kept, listed
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict

__all__ = ["PART"]

ECR: Final = re.compile(r"[0-9]{12}\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/.+")
PORT: Final = "8080"  # INF-01


def in_the_region(seen: Evidence) -> Verdict:
    """IMG-10."""
    match = ECR.fullmatch(seen.reference or "")
    if not match:
        return apart("the image is not in Amazon ECR" if seen.reference else "the image is not published yet")
    if seen.case.region is None:
        return apart(f"it is in {match['region']}; nobody said where the jobs run")
    if seen.case.region != match["region"]:
        return broken(f"it is in {match['region']}, the jobs run in {seen.case.region}", SERVING)
    return kept(f"it is in {match['region']}, as the jobs are")


def in_ecr(seen: Evidence) -> Verdict:
    """IMG-21."""
    if seen.reference is None:
        return apart("the image is not published yet")
    if ECR.fullmatch(seen.reference):
        return apart("the image is in Amazon ECR")
    return broken(f"it is at {seen.reference.partition('/')[0]}", NOBODY)


def tells_its_port(seen: Evidence) -> Verdict:
    """IMG-25."""
    ports = {port.removesuffix("/tcp") for port in seen.config.ports}
    if not ports:
        return kept("no EXPOSE: the port is fixed by the contract")
    if PORT in ports:
        return kept(f"EXPOSE {listed(ports)}")
    return broken(f"EXPOSE {listed(ports)}")


PART: Final = (
    Clause(
        id="IMG-10",
        says="Image and jobs are in the same Region",
        severity=Severity.MUST,
        source="SageMaker API: ContainerDefinition.Image; for training it is not stated",
        fix="publish a copy to the Region of the jobs: byoc copy, or [publish] with more destinations",
        judge=in_the_region,
    ),
    Clause(
        id="IMG-21",
        says="A registry other than Amazon ECR is reached through the VPC, by settings of each job",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, Use a private Docker registry",
        fix="training: TrainingRepositoryAccessMode=Vpc; hosting: RepositoryAccessMode=Vpc; serverless and "
        "tuning take images from Amazon ECR only",
        judge=in_ecr,
    ),
    Clause(
        id="IMG-25",
        says="EXPOSE, if it is there, names 8080, the port that SageMaker asks",
        severity=Severity.SHOULD,
        source="SageMaker Developer Guide, Use Your Own Inference Code: the port is fixed",
        fix="listen on 8080, and EXPOSE 8080 or nothing",
        judge=tells_its_port,
        targets=SERVING,
    ),
)
"""In the order of the report."""
