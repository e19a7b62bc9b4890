"""Every image of the zoo fails exactly on its clause; the good ones fail on none."""

from collections.abc import Callable

import pytest

from byoc_kit.contract.clauses import CLAUSES
from zoo.form import Animal
from zoo.making import all_animals
from zoo.playing import Played, surprises

ANIMALS = all_animals()


@pytest.mark.engine
@pytest.mark.parametrize("animal", ANIMALS, ids=lambda animal: animal.name)
def test_it_breaks_what_it_should(animal: Animal, plays: Callable[[Animal], Played]) -> None:
    found = surprises(plays(animal))
    if found:
        pytest.fail(f"{animal.name}: {animal.says}\n{found}", pytrace=False)


def test_names_are_unique_and_clauses_are_there() -> None:
    names = [animal.name for animal in ANIMALS]
    assert len(names) == len(set(names))
    assert {animal.breaks for animal in ANIMALS} - {""} <= {clause.id for clause in CLAUSES}
