"""What must never get into an image: credentials, by name, by form, or by the file they are in (IMG-22)."""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from byoc_kit.spec.mistake import Mistake, View
from byoc_kit.spec.packages import has_password
from byoc_kit.spec.parse import Key

__all__ = ["check_credentials", "credential_file", "credential_in", "credential_in_file", "credential_named"]

NAMES = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GITLAB_TOKEN",
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HUGGINGFACE_TOKEN",
        "DATABRICKS_TOKEN",
        "PGPASSWORD",
        "MYSQL_PWD",
        "KAGGLE_KEY",
    }
)
ENDINGS = (
    "_PASSWORD",
    "_PASSWD",
    "_SECRET",
    "_SECRET_KEY",
    "_API_KEY",
    "_API_TOKEN",
    "_ACCESS_KEY",
    "_ACCESS_TOKEN",
    "_AUTH_TOKEN",
    "_PRIVATE_KEY",
)
"""Names of variables whose value is a credential. EOS_TOKEN and its like are words of a language model."""

FORMS = (
    ("an AWS access key", re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----")),
    ("a GitHub token", re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40})")),
    ("a GitLab token", re.compile(r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20}")),
    ("a Hugging Face token", re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{34}(?![A-Za-z0-9])")),
    ("a Slack token", re.compile(r"(?<![A-Za-z0-9])xox[abprs]-[A-Za-z0-9-]{20}")),
    ("a package index token", re.compile(r"(?<![A-Za-z0-9])pypi-AgE[A-Za-z0-9_-]{40}")),
)
"""What credentials look like, by the forms their owners document; the surest first."""
AUTHORITY = re.compile(r"://[^\s/'\"<>]+")

EXAMPLE = "EXAMPLE"  # AWS's documentation ends its keys so: AKIAIOSFODNN7EXAMPLE
FILES = frozenset(
    {".env", ".netrc", "_netrc", ".pypirc", ".pgpass", ".git-credentials", ".npmrc", ".htpasswd"}
)
KEYS = frozenset({"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"})
SUFFIXES = frozenset({".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx"})
PLACES = frozenset(
    {(".aws", "credentials"), (".aws", "config"), (".docker", "config.json"), (".kube", "config")}
)
PUBLIC = re.compile(r"(ca|cert|chain|bundle|pub|root)", re.IGNORECASE)
"""A .pem whose name says that it is a certificate may be one; its content is looked at too."""


def check_credentials(view: View) -> Iterator[Mistake]:
    """Credentials written into the file itself."""
    for table in ("env", "labels"):
        for key, text in view.texts(table):
            if (
                found := credential_named(str(key[-1]), text) if table == "env" else credential_in(text)
            ) is not None:
                yield _credential(key, found)
    for key, text in _deep_texts(("train", "hyperparameters"), view.table("train", "hyperparameters")):
        if (found := credential_in(text)) is not None:
            yield _credential(key, found)
    for secret, source in view.table("build", "secrets").items():
        if isinstance(source, str) and not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\0\n]+", source):
            yield Mistake(
                key=("build", "secrets", secret),
                what="a secret says where it comes from, never what it is",
                why="this file is shared; a value in it would not be a secret",
                fix='write "env:NAME" or "file:PATH"',
                id="BYOC-E120",
            )


def credential_named(name: str, value: str) -> str | None:
    """What credential the variable *name* holds; None: none that one can see."""
    if value and (name.upper() in NAMES or name.upper().endswith(ENDINGS)):
        return "by its name a credential"
    return credential_in(value)


def credential_in(text: str) -> str | None:
    """What credential *text* contains; None: none that one can see."""
    found = _form_in(text, FORMS)
    if found is None and any(has_password(f"https{authority}") for authority in AUTHORITY.findall(text)):
        return "a URL with a user or a password"
    return found


def credential_in_file(text: str) -> str | None:
    """What credential the text of a file contains: only forms that are no accident in somebody's code."""
    return _form_in(text, FORMS[:2])


def _form_in(text: str, forms: Iterable[tuple[str, re.Pattern[str]]]) -> str | None:
    for name, form in forms:
        if any(not match[0].endswith(EXAMPLE) for match in form.finditer(text)):
            return name
    return None


def credential_file(path: PurePosixPath) -> str | None:
    """Why the file is one that holds credentials, by its name; None: it is not."""
    name = path.name.lower()
    if name in FILES or (name.startswith(".env.") and name != ".env.example") or path.parts[-2:] in PLACES:
        return "files of this name hold credentials"
    if name in KEYS or (path.suffix.lower() in SUFFIXES and not PUBLIC.search(path.stem)):
        return "files of this name hold private keys"
    return None


def _deep_texts(key: Key, value: Any) -> Iterator[tuple[Key, str]]:
    """Every text inside tables and arrays."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _deep_texts((*key, name), inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _deep_texts((*key, place), inner)


def _credential(key: Key, found: str) -> Mistake:
    return Mistake(
        key=key,
        what=f"this is {found}",
        why="whoever can pull the image, or see the job, can read it (IMG-22)",
        fix="take it out, and revoke it if it was shared; a job's role gives AWS credentials, "
        "and [build] secrets gives secrets to build steps",
        id="BYOC-E120",
    )
