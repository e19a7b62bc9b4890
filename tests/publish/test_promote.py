"""Moving tags and naming places: what is decided before anything is asked."""

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.reference import Repository
from byoc_kit.plan.promote import Move, Promotion, check_movable
from byoc_kit.plan.replicate import Replica, Replication, places, taken, travelling
from byoc_kit.work.promote import named_in

ONE, TWO = Digest(f"sha256:{'1' * 64}"), Digest(f"sha256:{'2' * 64}")
ECR = Repository("111122223333.dkr.ecr.eu-west-1.amazonaws.com", "sagemaker/churn")
ELSEWHERE = Repository("a.example", "team/churn")


@pytest.mark.parametrize("tag", ["latest", "production", "1.4", "1", "stable-2", "v2"])
def test_tags_that_move(tag: str) -> None:
    check_movable(tag)


@pytest.mark.parametrize("tag", ["1.4.2", "c-0123456789abcdef", "g-0123456789ab", "d-20261121"])
def test_tags_that_do_not(tag: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_movable(tag)
    assert caught.value.id == "BYOC-E584"


def test_a_promotion_tells_from_where_to_where() -> None:
    moves = (Move(tag="prod", before=ONE, digest=TWO), Move(tag="new", before=None, digest=TWO))
    made = Promotion(repository=ECR, digest=TWO, moves=moves)
    assert f"prod         {ONE} -> {TWO}" in made.to_text()
    assert made.to_json()["moves"][1] == {"tag": "new", "from": None, "to": TWO}
    assert Promotion(repository=ECR, digest=TWO, moves=()).to_text().startswith("nothing to do")


@pytest.mark.parametrize("image", [":1.4", "@sha256:" + "1" * 64, "churn:1", "docker:churn", "oci:dir"])
def test_an_image_that_is_in_no_registry(image: str) -> None:
    with pytest.raises(UsageError) as caught:
        named_in(None, image)
    assert caught.value.id == "BYOC-E586"


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("us-east-1", ECR, "111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker/churn"),
        ("444455556666/eu-west-1", ECR, "444455556666.dkr.ecr.eu-west-1.amazonaws.com/sagemaker/churn"),
        ("444455556666/cn-north-1", ELSEWHERE, "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn/team/churn"),
        ("444455556666/us-gov-west-1/b/c", ECR, "444455556666.dkr.ecr.us-gov-west-1.amazonaws.com/b/c"),
        ("eusc-de-east-1", ECR, "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu/sagemaker/churn"),
        ("b.example:5000/x", ECR, "b.example:5000/x"),
    ],
)
def test_places(text: str, source: Repository, expected: str) -> None:
    assert [str(each) for each in places([text], source)] == [expected]


@pytest.mark.parametrize(
    ("texts", "source", "error"),
    [
        (["nowhere"], ECR, "BYOC-E587"),
        (["us-east-1"], ELSEWHERE, "BYOC-E587"),
        (["eu-west-1"], ECR, "BYOC-E587"),
        (["us-east-1", "111122223333/us-east-1"], ECR, "BYOC-E587"),
        (["b.example/x:1"], ECR, "BYOC-E501"),
        (["1234/us-east-1"], ECR, "BYOC-E587"),
        (["444455556666/us-east-1/Big"], ECR, "BYOC-E501"),
    ],
)
def test_what_is_no_place(texts: list[str], source: Repository, error: str) -> None:
    with pytest.raises(UsageError) as caught:
        places(texts, source)
    assert caught.value.id == error


def test_tags_travel_with_their_image() -> None:
    held = {"1.4.2": ONE, "1.4.2-oci": TWO, "latest": TWO, "prod": ONE, f"sha256-{'1' * 64}": ONE}
    assert travelling(held, ONE) == ("1.4.2", "prod")


def test_only_a_release_is_refused() -> None:
    moved = [Move(tag="latest", before=TWO, digest=ONE), Move(tag="1.4", before=TWO, digest=ONE)]
    assert taken(ECR, moved) is None
    assert taken(ECR, [Move(tag="1.4.2", before=None, digest=ONE)]) is None
    error = taken(ECR, [*moved, Move(tag="1.4.2", before=TWO, digest=ONE)])
    assert error is not None
    assert error.details == (f"1.4.2: {TWO}",)


def test_a_replication_for_machines_and_people() -> None:
    bad = Replica(
        repository=ELSEWHERE, digest=ONE, error=taken(ECR, [Move(tag="1.4.2", before=TWO, digest=ONE)])
    )
    good = Replica(
        repository=ECR, digest=ONE, prepare=("create it",), moves=(Move(tag="a", before=None, digest=ONE),)
    )
    planned = Replication(source="x", replicas=(good, bad), done=False)
    assert planned.to_json()["schema"] == "byoc/replication-plan/1"
    assert "first  create it" in planned.to_text()
    assert "ERROR" in planned.to_text()
    done = Replication(source="x", replicas=(good, bad), done=True)
    assert done.to_text() == f"{ECR}@{ONE}"
    assert [place for place, _ in done.errors] == [ELSEWHERE]
    assert done.to_json()["replicas"][1]["reference"] is None
