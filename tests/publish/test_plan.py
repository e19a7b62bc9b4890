"""What a publish decides before it does anything."""

import json
from dataclasses import replace

import pytest

from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.manifest import (
    DOCKER_LAYER,
    OCI_LAYER,
    Descriptor,
    Manifest,
    docker_manifest,
    parse_manifest,
)
from byoc_kit.oci.reference import Repository
from byoc_kit.plan.publish import (
    Held,
    PublishPlan,
    Subject,
    Survey,
    disagreement,
    fixed_tags,
    plan_publish,
    planned_tags,
    unfit,
)
from byoc_kit.plan.tags import Source
from byoc_kit.spec.types import Target

KEY = "ab" * 32
TAG = "c-abababababababab"
IMAGE, OTHER = Digest(f"sha256:{'1' * 64}"), Digest(f"sha256:{'2' * 64}")
MANIFEST, ELSE = Digest(f"sha256:{'3' * 64}"), Digest(f"sha256:{'4' * 64}")
REPOSITORY = Repository("a.example", "team/churn")
SUBJECT = Subject(platform=Platform(), key=KEY, image_id=IMAGE, version="1.4", source=Source(commit="c" * 40))


def plan(survey: Survey | None = None, **changes: object) -> PublishPlan:
    return plan_publish(replace(SUBJECT, **changes), REPOSITORY, survey or Survey())  # type: ignore[arg-type]


def held(tags: dict[str, Held]) -> Survey:
    return Survey(tags=frozenset(tags), held=tags)


def test_a_built_image_and_an_empty_repository() -> None:
    made = plan()
    assert (made.build, made.push, made.content_tag, made.image_id) == (False, True, TAG, IMAGE)
    assert made.mutations() == (
        f"push {REPOSITORY}:{TAG}",
        f"tag {REPOSITORY}:1.4",
        f"tag {REPOSITORY}:1",
        f"tag {REPOSITORY}:latest",
        f"tag {REPOSITORY}:g-cccccccccccc",
    )


def test_nothing_built_and_nothing_there() -> None:
    made = plan(image_id=None)
    assert (made.build, made.push) == (True, True)
    assert made.mutations()[0] == "build the image"


def test_what_the_registry_has_is_neither_built_nor_pushed() -> None:
    made = plan(held({TAG: Held(MANIFEST, IMAGE)}), image_id=None)
    assert (made.build, made.push, made.image_id) == (False, False, IMAGE)


def test_another_image_under_the_content_tag_is_replaced() -> None:
    assert plan(held({TAG: Held(MANIFEST, OTHER)})).push
    assert not plan(held({TAG: Held(MANIFEST, IMAGE)})).push


def test_an_image_that_the_engine_knows_by_its_manifest_is_recognised() -> None:
    assert not plan(held({TAG: Held(MANIFEST, OTHER)}), image_id=MANIFEST).push


def test_a_version_that_is_another_image_is_refused() -> None:
    made = plan(held({"1.4": Held(ELSE, OTHER), "prod": Held(ELSE, OTHER)}), further=("prod",))
    assert [each.tag for each in made.conflicts] == ["1.4", "prod"]
    assert "REFUSED   1.4 is another image" in made.to_text()


@pytest.mark.parametrize(
    ("on_conflict", "refused", "put"), [("fail", True, True), ("keep", False, False), ("move", False, True)]
)
def test_what_on_conflict_says_is_done(on_conflict: str, refused: bool, put: bool) -> None:
    made = plan(held({"1.4": Held(ELSE, OTHER)}), on_conflict=on_conflict)
    assert bool(made.conflicts) == refused
    assert ("1.4" in {tag.name for tag in made.tags}) == put
    assert ("1.4" in {each.name for each in made.withheld}) == (on_conflict == "keep")


def test_the_same_image_under_its_version_is_no_conflict() -> None:
    survey = Survey(
        tags=frozenset({"1.4", TAG}), held={"1.4": Held(MANIFEST, IMAGE), TAG: Held(MANIFEST, IMAGE)}
    )
    assert not plan(survey).conflicts
    assert not plan(survey, image_id=None).conflicts


def test_a_version_that_is_taken_is_refused_even_before_the_build() -> None:
    assert plan(held({"1.4": Held(ELSE, OTHER)}), image_id=None).conflicts


def test_only_what_decides_is_looked_at() -> None:
    existing = frozenset({"1.4", "1", "latest", TAG, "g-cccccccccccc", "prod"})
    subject = replace(SUBJECT, further=("prod",))
    assert fixed_tags(subject, existing) == {"1.4", "prod"}
    assert planned_tags(subject, existing) == {"1.4", "1", "latest", TAG, "g-cccccccccccc", "prod"}
    assert planned_tags(subject, {"2.0"}) == {"1.4", "1", TAG, "g-cccccccccccc", "prod"}


def test_what_means_this_image_already_is_not_put_again() -> None:
    ours, other = Held(MANIFEST, IMAGE), Held(ELSE, None)
    made = plan(held({TAG: ours, "1.4": ours, "1": ours, "latest": other}))
    assert made.there == {"1.4", "1"}
    assert made.mutations() == (f"tag {REPOSITORY}:latest", f"tag {REPOSITORY}:g-cccccccccccc")
    assert {tag["name"]: tag["there"] for tag in made.to_json()["tags"]}["1"] is True


def test_in_an_immutable_repository_what_moves_is_left_and_what_is_fixed_refuses() -> None:
    ours, other = Held(MANIFEST, IMAGE), Held(ELSE, OTHER)
    survey = replace(
        held({TAG: ours, "1": other, "latest": other}), immutable=frozenset({TAG, "1", "latest"})
    )
    made = plan(survey)
    assert not made.conflicts
    assert [each.name for each in made.withheld] == ["1", "latest"]
    assert "immutable" in made.withheld[0].why
    taken = replace(survey, held={**survey.held, "1.4": other}, immutable=survey.immutable | {"1.4"})
    for on_conflict in ("fail", "move"):
        (conflict,) = plan(taken, on_conflict=on_conflict).conflicts
        assert (conflict.tag, "immutable" in conflict.why) == ("1.4", True)
    assert not plan(taken, on_conflict="keep").conflicts


def test_another_image_under_an_immutable_content_tag_is_refused() -> None:
    survey = replace(held({TAG: Held(ELSE, OTHER)}), immutable=frozenset({TAG}))
    assert [each.tag for each in plan(survey).conflicts] == [TAG]


def test_what_is_done_about_the_repository_comes_first() -> None:
    made = plan(Survey(prepare=("create the repository",)), oci=True)
    assert made.mutations()[0] == "create the repository"
    assert made.mutations()[-1] == "push the OCI manifest, under each tag with -oci"
    assert made.to_text().startswith("first     create the repository\n")


def test_a_dockerfile_of_ones_own_has_no_key_before_it_is_built() -> None:
    made = plan(key=None, image_id=None)
    assert (made.build, made.content_tag) == (True, None)
    assert "c-<of the image>" in made.to_text()


def test_the_plan_for_machines() -> None:
    document = plan().to_json()
    assert document["schema"] == "byoc/publish-plan/1"
    assert document["tags"][0] == {"name": "1.4", "why": "[image] version", "fixed": True, "there": False}
    assert json.loads(json.dumps(document)) == document


def manifest(config: str) -> Manifest:
    raw = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "a", "digest": config, "size": 1},
        "layers": [],
    }
    parsed = parse_manifest(json.dumps(raw).encode())
    assert isinstance(parsed, Manifest)
    return parsed


LAYER = Descriptor(DOCKER_LAYER, IMAGE, 11_000_000_000)


@pytest.mark.parametrize(
    ("manifest", "targets", "name", "told"),
    [
        (docker_manifest(LAYER, [LAYER]), {Target.HOSTING}, "a", None),
        (docker_manifest(LAYER, [LAYER]), {Target.SERVERLESS}, "a", "SLS-01"),
        (docker_manifest(LAYER, [LAYER]), {Target.HOSTING}, "a" * 256, "IMG-09"),
        (docker_manifest(LAYER, [replace(LAYER, media_type=OCI_LAYER)]), {Target.TRAINING}, "a", "IMG-11"),
        (manifest(IMAGE), {Target.TRAINING}, "a", "IMG-11"),
    ],
)
def test_what_sagemaker_cannot_use_is_told(
    manifest: Manifest, targets: set[Target], name: str, told: str | None
) -> None:
    why = unfit(name, manifest, targets)
    assert (why is None) == (told is None)
    assert told is None or told in str(why)


def test_what_comes_back_is_compared_with_what_was_meant() -> None:
    found = manifest(IMAGE)
    assert disagreement(IMAGE, Platform(), (found.digest, found, ImageConfig())) is None
    assert disagreement(found.digest, Platform(), (found.digest, found, ImageConfig())) is None
    assert "the registry has the config" in str(
        disagreement(OTHER, Platform(), (found.digest, found, ImageConfig()))
    )
    arm = ImageConfig(platform=Platform("linux", "arm64"))
    assert (
        disagreement(IMAGE, Platform(), (found.digest, found, arm))
        == "it is for linux/arm64, not for linux/amd64"
    )
