"""Every image of the zoo fails exactly on its clause; the good ones fail on none."""

from collections.abc import Callable

import pytest

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.types import Severity
from byoc_kit.spec.types import Target
from zoo.form import Animal
from zoo.making import all_animals
from zoo.mutation import always_kept, mutants, noticed, verdicts
from zoo.playing import Played, surprises

ANIMALS = all_animals()
ELSEWHERE = {
    "IMG-09": "of the name it is published under: tests/contract/test_clauses.py",
    "IMG-10": "of the Region it is published to: tests/contract/test_clauses.py",
    "IMG-11": "of its manifest in a registry: tests/contract/test_clauses.py",
    "IMG-21": "of the registry it is published to: tests/contract/test_clauses.py",
    "SLS-01": "it would take 10 GB: tests/contract/test_clauses.py",
}
"""MUST clauses that are not of an image in an engine, and where they are seen broken."""
UNNOTICED = {
    **ELSEWHERE,
    "IMG-13": "it would take 10 GB: tests/contract/test_clauses.py",
    "PIP-04": "it would take a minute: tests/verify/test_hosting_clauses.py",
    "TMD-05": "the driver gives the variables, whatever the image is",
    "TMD-08": "the driver decides what becomes of a signal",
    "LCL-22": "the driver reads the config, not the image",
    "TRN-09": "it says what was seen, and never breaks",
    "STU-01": "it says what was seen, and never breaks",
    "MME-09": "it says what was seen, and never breaks",
}
"""Clauses that no image of the zoo breaks, and why."""
PROFILES = {*Target} - {Target.STUDIO}
NOTICED = 0.75
"""Of all ways to weaken one place of a predicate, the share that changes a verdict on an image of the zoo."""
GOOD = 2
"""Images of each profile that break nothing."""


@pytest.mark.engine
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("animal", ANIMALS, ids=lambda animal: animal.name)
def test_it_breaks_what_it_should(animal: Animal, plays: Callable[[Animal], Played]) -> None:
    found = surprises(plays(animal))
    if found:
        pytest.fail(f"{animal.name}: {animal.says}\n{found}", pytrace=False)


@pytest.mark.engine
def test_weakened_clauses_are_noticed(plays: Callable[[Animal], Played]) -> None:
    evidence = {animal.name: plays(animal).evidence for animal in ANIMALS}
    before = verdicts(evidence, CLAUSES)
    unseen = {m.clauses[0].id for m in always_kept() if noticed(m, evidence, before) is None}
    assert unseen <= UNNOTICED.keys()
    places = list(mutants())
    seen = [place for place in places if noticed(place, evidence, before)]
    assert len(seen) >= NOTICED * len(places)


def test_names_are_unique_and_clauses_are_there() -> None:
    names = [animal.name for animal in ANIMALS]
    assert len(names) == len(set(names))
    assert {animal.breaks for animal in ANIMALS} - {""} <= {clause.id for clause in CLAUSES}


def test_every_must_is_broken_by_an_image() -> None:
    musts = {clause.id for clause in CLAUSES if clause.severity is Severity.MUST and not clause.contested}
    assert musts - {animal.breaks for animal in ANIMALS} == ELSEWHERE.keys()


@pytest.mark.parametrize("target", sorted(PROFILES))
def test_every_profile_has_good_images(target: Target) -> None:
    good = [animal.name for animal in ANIMALS if not animal.breaks and target in animal.targets]
    assert len(good) >= GOOD, good
