"""Lines of real failures and the remedy that each of them must lead to."""

import pytest

from byoc_kit.engines.remedies import remedy

SEEN = {
    'invalid argument "Bad Tag" for "-t, --tag" flag: invalid reference format': "lower case",
    "write /var/lib/docker/overlay2/x: no space left on device": "docker system df",
    "standard_init_linux.go:228: exec user process caused: exec format error": "emulation",
    "exec /bin/sh: exec format error": "platform",
    "failed to authorize: pull access: no basic auth credentials": "get-login-password",
    "denied: Your authorization token has expired. Reauthenticate and try again.": "get-login-password",
    "Temporary failure resolving 'deb.example'\nW: Temporary failure in name resolution": "network",
    "Failed to establish a new connection: [Errno -3]": "network",
    "Could not fetch URL https://index.example/: SSL: CERTIFICATE_VERIFY_FAILED certificate verify failed": (
        "ca-bundle"
    ),
    "mybase:dev: manifest unknown": "[image] base",
    "error: command 'gcc' failed: No such file or directory": "compiler = true",
    "unable to execute 'gcc': No such file or directory": "compiler = true",
    "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory": "compiler = true",
    "gethostname.c:1:10: fatal error: Python.h: No such file or directory": "compiler = true",
    "ERROR: No matching distribution found for scikit-lern": "requirements",
    "The user requested (constraint) numpy==1.26.4\nERROR: ResolutionImpossible": "allow-change",
    "/usr/bin/python3: No module named pip": "a base with pip",
    "error: externally-managed-environment": "PIP_BREAK_SYSTEM_PACKAGES",
    "E: Unable to locate package libgmop1": "[system] packages",
}


@pytest.mark.parametrize("line", SEEN)
def test_usual_failures_have_a_remedy(line: str) -> None:
    assert SEEN[line] in remedy(line.splitlines())[1]


def test_an_unusual_failure_points_to_its_own_lines() -> None:
    assert remedy(["my own program says: 42"])[1] == "mend what they say"
