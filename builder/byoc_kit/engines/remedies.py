"""Usual reasons why builds fail: what they look like, and what helps."""

import re
from collections.abc import Iterable

__all__ = ["ERRORS", "remedy"]

ERRORS = re.compile(
    r"error|fail|not found|no such|denied|cannot|unable|no space|unauthorized|could not|no matching",
    re.IGNORECASE,
)
"""Lines worth showing first."""

REMEDIES: tuple[tuple[str, str, str], ...] = (
    (
        r"invalid reference format",
        "the image's name is none that Docker knows",
        "use lower case letters, digits, and . _ - between them: name or name:tag",
    ),
    (
        r"no space left on device",
        "the engine's disk is full",
        "free some: `docker image prune`, `docker builder prune`; `docker system df` tells what takes it",
    ),
    (
        r"exec format error|exec user process caused",
        "the base is for another processor than this machine's, or a script of it has no valid first line",
        "set [image] platform to the machine's, build on a machine of that architecture, or install "
        "emulation (Debian: qemu-user-static)",
    ),
    (
        r"no basic auth credentials|401 unauthorized|authorization failed|authorization token has expired",
        "the registry of the base wants a login",
        "log in first; Amazon ECR: aws ecr get-login-password | "
        "docker login --username AWS --password-stdin HOST",
    ),
    (
        r"certificate verify failed|x509: |self.signed certificate",
        "a server's certificate is not signed by an authority that the build knows",
        'name your company\'s CA bundle: [build] ca-bundle = "/path/ca.pem" (or set SSL_CERT_FILE)',
    ),
    (
        r"temporary failure in name resolution|could not resolve|name or service not known|no such host"
        r"|failed to establish a new connection|failed to resolve|network is unreachable",
        "a build step cannot reach a server by its name",
        'try [build] network = "host"; behind a proxy set http_proxy and https_proxy before the build',
    ),
    (
        r"manifest unknown|manifest for .* not found|pull access denied|repository does not exist",
        "the base cannot be found in its registry",
        "check [image] base; a local image must exist under exactly this name and for this platform",
    ),
    (
        r"(\bgcc|\bcc|\bg\+\+)\b.*(fail|not found|no such)|unable to execute '?gcc|python\.h: no such file",
        "a package has no wheel for this Python and must be compiled",
        "give the wheel stage a compiler: [build] compiler = true; or ask for a version that has wheels",
    ),
    (
        r"\(constraint\)|conflicting dependencies|resolutionimpossible",
        "requirements contradict each other, or what the base has (those are marked as constraints)",
        'loosen the requirement, or let the base\'s version change: [python] allow-change = ["NAME"]',
    ),
    (
        r"no matching distribution found|could not find a version that satisfies",
        "an index has no such package, or none for this Python and platform",
        "check name and version in [python] requirements, and [python] index-url",
    ),
    (
        r"no module named '?(pip|ensurepip)\b",
        "the base's Python has no pip, and byoc found no package manager that could bring one",
        "choose a base with pip",
    ),
    (
        r"externally-managed-environment",
        "pip refuses to install into a Python that the distribution manages",
        "byoc's own steps allow it; in a step of your own set PIP_BREAK_SYSTEM_PACKAGES=1",
    ),
    (
        r"unable to locate package|has no installation candidate|no match for argument|no such package",
        "the base's package manager does not know a system package",
        "correct its name in [system] packages; names differ between distributions",
    ),
)


def remedy(lines: Iterable[str]) -> tuple[str, str]:
    """Why and fix for a build that printed *lines*."""
    text = "\n".join(lines)
    for pattern, why, fix in REMEDIES:
        if re.search(pattern, text, re.IGNORECASE):
            return why, fix
    return "the step ended with an error; its last lines are above", "mend what they say"
