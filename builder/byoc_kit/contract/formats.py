"""The forms in which a report can be had, each a function from report to text."""

from collections.abc import Callable, Mapping
from typing import Final

from byoc_kit.contract.junit import to_junit
from byoc_kit.contract.page import to_html
from byoc_kit.contract.report import to_json_text, to_text
from byoc_kit.contract.sarif import to_sarif
from byoc_kit.contract.types import Report

__all__ = ["FORMATS"]

FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "text": to_text,
    "json": to_json_text,
    "junit": to_junit,
    "sarif": to_sarif,
    "html": to_html,
}
"""By the word of ``--format``."""
