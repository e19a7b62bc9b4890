"""An image's files -> its inventory."""

import json
from collections.abc import Iterable, Iterator
from typing import Final, TypedDict

from byoc_kit.inventory import Distribution, Interpreter, Inventory, LayerFacts, Python
from byoc_kit.inventory.distributions import find_distributions
from byoc_kit.inventory.layer import LayerTree
from byoc_kit.inventory.merge import Merged
from byoc_kit.inventory.python import find_pythons
from byoc_kit.inventory.system import (
    MANAGERS,
    apk_packages,
    conda_packages,
    cuda_versions,
    dpkg_packages,
    find_libc,
    on_path,
    os_release,
    rpm_packages,
)
from byoc_kit.inventory.view import View
from byoc_kit.oci.image import Image

__all__ = ["COMMANDS", "layer_facts", "names", "take_inventory"]

COMMANDS: Final = ("sh", "bash", "chmod", "cat", "python3", "pip3", "train", "serve", "tini")
"""The programs that decide how an image can be started; those on PATH are listed."""

TOOLKITS: Final = frozenset(
    {
        "multi-model-server",
        "sagemaker-containers",
        "sagemaker-huggingface-inference-toolkit",
        "sagemaker-inference",
        "sagemaker-mxnet-inference",
        "sagemaker-mxnet-training",
        "sagemaker-pytorch-inference",
        "sagemaker-pytorch-training",
        "sagemaker-scikit-learn-container",
        "sagemaker-tensorflow-training",
        "sagemaker-training",
        "sagemaker-xgboost-container",
        "torchserve",
    }
)


def take_inventory(image: Image, merged: Merged, layers: tuple[LayerFacts, ...]) -> Inventory:
    """What *image* holds, from its config and from its files. Nothing is guessed: see ``unknown``."""
    view = View(merged.index, merged.texts)
    release = os_release(view)
    rpm = rpm_packages(view)
    conda = tuple(conda_packages(view))
    packages = (*dpkg_packages(view), *(rpm or ()), *apk_packages(view), *conda)
    pythons = find_pythons(view, image.config, packages)
    distributions = find_distributions(view, pythons)
    cuda = cuda_versions(view, distributions)
    libc = find_libc(view, packages, release.get("ID"))
    default = next((each for each in pythons if each.default), None)
    return Inventory(
        **names(image),
        platform=image.config.platform,
        config=image.config,
        python=None if default is None else _interpreter(default, distributions),
        os_id=release.get("ID"),
        os_version=release.get("VERSION_ID"),
        package_manager=next((name for name in MANAGERS if on_path(view, image.config, name)), None),
        commands=frozenset(name for name in COMMANDS if on_path(view, image.config, name)),
        libc=libc,
        pythons=pythons,
        distributions=distributions,
        os_packages=None if rpm is None and not packages else packages,
        cuda=cuda[0] if len(cuda) == 1 else None,
        toolkits={each.name: each.version for each in distributions if each.name in TOOLKITS},
        layers=layers,
        unknown=tuple(_unknown(view, image, pythons, rpm is None, cuda, libc is None)),
    )


class Names(TypedDict):
    """What one image is called; another with the same content is called otherwise."""

    reference: str
    image_id: str
    digest: str | None


def names(image: Image) -> Names:
    """*image*'s. Engines and archives have no manifest of their own: there is no digest to pin then."""
    digest = image.manifest.digest
    pinned = digest if image.reference.endswith(f"@{digest}") else None
    return Names(reference=image.reference, image_id=image.manifest.config.digest, digest=pinned)


def layer_facts(image: Image, trees: Iterable[LayerTree]) -> tuple[LayerFacts, ...]:
    """The layers of *image* in numbers, the base's first."""
    makers = [*_makers(image.raw_config), *[""] * len(image.layers)]
    return tuple(
        LayerFacts(
            digest=layer.descriptor.digest if layer.descriptor.digest != layer.diff_id else None,
            diff_id=layer.diff_id,
            size=layer.descriptor.size,
            unpacked=tree.unpacked,
            files=tree.files,
            created_by=maker,
        )
        for layer, tree, maker in zip(image.layers, trees, makers, strict=False)
    )


def _makers(raw_config: bytes) -> Iterator[str]:
    """``created_by`` of the history's entries that made a layer."""
    history = json.loads(raw_config).get("history") or ()
    return (str(each.get("created_by", "")) for each in history if not each.get("empty_layer"))


def _interpreter(default: Python, distributions: Iterable[Distribution]) -> Interpreter:
    pips = {each.location: each.version for each in distributions if each.name == "pip"}
    pip = next((pips[path] for path in default.paths if path in pips), None)
    return Interpreter(executable=default.executable, version=default.version, pip=pip)


def _unknown(
    view: View,
    image: Image,
    pythons: tuple[Python, ...],
    old_rpm: bool,
    cuda: tuple[str, ...],
    no_libc: bool,
) -> Iterator[str]:
    """What the files do not tell, a sentence each."""
    if not any(each.default for each in pythons):
        path = on_path(view, image.config, "python3") or on_path(view, image.config, "python")
        if path:
            yield f"which Python {path} starts: no CPython 3 with its library was found behind it"
    for each in pythons:
        if each.version[2] is None:
            yield f"the third part of the version of {each.executable}: no file tells it"
    if old_rpm:
        yield "the packages that rpm installed: their database is older than rpm 4.16"
    if len(cuda) > 1:
        yield f"which CUDA runtime is used: there are {', '.join(cuda)}"
    if no_libc:
        yield "the C library and its version: no file tells it"
