"""Every id of SageMaker's contract, in its order: those that are judged, and those that are not."""

from collections.abc import Iterator, Mapping
from typing import Final

__all__ = ["IDS"]

NUMBERS: Final[Mapping[str, str]] = {
    "HAR": "1-10",
    "IMG": "1-25",
    "TRN": "1-14 16",
    "CFG": "1-10",
    "ENV": "1-5",
    "CHN": "1-8",
    "OUT": "1-11",
    "SIG": "1-5",
    "DIS": "1-7",
    "TMD": "1-9",
    "TTK": "1-14 20-24 30-31 40-42 50-51",
    "INF": "1-24 30-31",
    "BID": "1-4",
    "MME": "1-10",
    "PIP": "1-4",
    "BAT": "1-7",
    "ASY": "1-3",
    "SLS": "1-5",
    "STS": "1-2",
    "STK": "1-15",
    "PRC": "1-10",
    "HPO": "1-6",
    "LCL": "1-11 20-23 30",
    "STU": "1-2",
}
"""Sections to the numbers that they have; what is missing between was never given, or was dropped."""


def _ids() -> Iterator[str]:
    for letters, ranges in NUMBERS.items():
        for part in ranges.split():
            first, _, last = part.partition("-")
            yield from (f"{letters}-{number:02}" for number in range(int(first), int(last or first) + 1))


IDS: Final = tuple(_ids())
