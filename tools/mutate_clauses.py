"""Weaken each predicate of the contract in turn, and list what no image of the zoo notices.

``python tools/mutate_clauses.py FOLDER``: the folder has the evidence that `ZOO_EVIDENCE=FOLDER pytest
tests/zoo` has saved. Exit code 1 if a clause that has an image in the zoo may be weakened unnoticed.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.saved import from_json
from byoc_kit.contract.types import Evidence
from zoo.making import all_animals
from zoo.mutation import always_kept, mutants, noticed, verdicts


def main(folder: Path) -> int:
    """Try all; 1 where a clause with an image of its own is not noticed."""
    evidence = {
        path.stem: from_json(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob("*.json"))
    }
    print(f"{len(evidence)} images, {len(CLAUSES)} clauses")
    broken = {animal.breaks for animal in all_animals() if animal.name in evidence}
    before = verdicts(evidence, CLAUSES)
    unseen = [m.clauses[0].id for m in always_kept() if noticed(m, evidence, before) is None]
    print(f"always kept: {len(CLAUSES) - len(unseen)} of {len(CLAUSES)} noticed; not: {', '.join(unseen)}")
    _places(evidence, before)
    missed = broken & {*unseen}
    if missed:
        print(f"their own images do not notice: {', '.join(sorted(missed))}")
    return 1 if missed else 0


def _places(evidence: Mapping[str, Evidence], before: Mapping[tuple[str, str], object]) -> None:
    tried = list(mutants())
    left = [mutant.what for mutant in tried if noticed(mutant, evidence, before) is None]  # type: ignore[arg-type]
    print(f"one place weakened: {len(tried) - len(left)} of {len(tried)} noticed; not:")
    for what in left:
        print(f"  {what}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
