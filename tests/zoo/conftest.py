"""The whole zoo, made and played once in a session, several images at a time."""

import contextlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import docker
import pytest
from docker.errors import APIError

from byoc_kit.contract.saved import to_json
from zoo.form import Animal
from zoo.grounds import made
from zoo.making import load, reference, wanted
from zoo.playing import Played, play, surprises

AGAIN = pytest.StashKey[list[str]]()
AT_ONCE = 5
"""Images that are played at a time; each plays some scenarios at a time itself."""


@pytest.fixture(scope="session")
def plays(
    engine: docker.DockerClient,
    base: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[Animal], Played]]:
    """What was seen of an image. All of the session are played as soon as the first is asked for.

    One that surprises in the company of others is played once more alone, as a user would have it, and the
    report's end tells of it; ``make zoo-soak`` and ``make mutate`` take each as it was seen first.
    """
    session = uuid.uuid4().hex[:8]
    animals = wanted(request.session)
    load(engine, animals, _grounds(engine, base, animals, request), session)
    environ = {**os.environ, "BYOC_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))}
    everything = os.environ.get("ZOO") == "everything"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures: dict[str, Future[Played]] = {
            animal.name: pool.submit(
                play, animal, reference(animal, session), everything=everything, environ=environ
            )
            for animal in animals
        }

        again = set[str]()

        def settled(animal: Animal) -> Played:
            seen = futures[animal.name].result()
            surprise = "" if everything or animal.name in again else surprises(seen)
            if surprise:
                again.add(animal.name)
                wait(futures.values())
                request.config.stash.setdefault(AGAIN, []).append(f"{animal.name}: {surprise}")
                futures[animal.name] = pool.submit(
                    play, animal, reference(animal, session), everything=False, environ=environ
                )
            return futures[animal.name].result()

        yield settled
        pool.shutdown(cancel_futures=True)
    _save(futures, request.config)
    for animal in animals:
        with contextlib.suppress(APIError):
            engine.images.remove(reference(animal, session), force=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell of images that were played again."""
    for told in terminalreporter.config.stash.get(AGAIN, []):
        terminalreporter.section("played again alone")
        terminalreporter.line(told)


def _grounds(
    engine: docker.DockerClient, base: str, animals: Sequence[Animal], request: pytest.FixtureRequest
) -> dict[str, str]:
    wanted = {animal.ground for animal in animals}
    return made(engine, base, wanted, request.getfixturevalue("project"))


def _save(futures: dict[str, Future[Played]], config: pytest.Config) -> None:
    """Write the evidence of good plays to the folder that ZOO_EVIDENCE names, for tools/mutate_clauses.py."""
    folder = os.environ.get("ZOO_EVIDENCE")
    if not folder:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, future in futures.items():
        if future.done() and not future.cancelled() and future.exception() is None:
            document = json.dumps(to_json(future.result().evidence))
            (Path(folder) / f"{name}.json").write_text(document, encoding="utf-8")
