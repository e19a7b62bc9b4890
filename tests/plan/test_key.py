"""The content key: equal for equal images, different where anything in the image differs."""

import json
from dataclasses import replace

from byoc_kit.plan.build import plan_build
from byoc_kit.plan.describe import describe, plan_json
from byoc_kit.plan.key import content_key
from plan.examples import TREE, base_of, spec_of

FILES = [("program/train.py", 0o644, "aa"), ("runtime/entry.json", 0o644, "bb")]


def test_the_key_is_a_function_of_what_is_in_the_image() -> None:
    plan = plan_build(spec_of(), base_of(), TREE)
    key = content_key(plan, FILES)
    assert len(key) == 64
    assert content_key(plan, reversed(FILES)) == key
    assert content_key(replace(plan, notes=("another",)), FILES) == key
    quick = plan_build(spec_of(more="[build]\ncache = false"), base_of(), TREE)
    assert content_key(quick, FILES) == key
    others = {
        content_key(plan, [*FILES[:1], ("runtime/entry.json", 0o644, "cc")]),
        content_key(plan, [*FILES[:1], ("runtime/entry.json", 0o755, "bb")]),
        content_key(plan_build(spec_of("framework"), base_of(), TREE), FILES),
        content_key(plan_build(spec_of(more='[env]\nA = "b"'), base_of(), TREE), FILES),
        content_key(plan_build(spec_of(), base_of(image_id="sha256:other"), TREE), FILES),
    }
    assert len(others | {key}) == 6


def test_a_plan_is_json_and_text() -> None:
    plan = plan_build(spec_of("script-mode-1", "mms"), base_of(), TREE)
    document = json.loads(json.dumps(plan_json(plan)))
    assert document["schema"] == "byoc/plan/1"
    assert [step["kind"] for step in document["steps"]] == ["system", "python", "files", "files", "config"]
    assert document["base"]["platform"] == "linux/amd64"
    assert document["engine"]["name"] == "docker"
    assert {"dest": "/opt/program/train.py", "mode": "0644", "from": "src/train.py"} in document["steps"][3][
        "files"
    ]
    text = describe(plan)
    assert "default-jre-headless (apt-get)" in text
    assert "sagemaker-training, sagemaker-inference" in text
    assert "start    /usr/local/bin/python3 -I /opt/byoc/entry train" in text
