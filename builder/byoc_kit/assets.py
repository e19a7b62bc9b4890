"""Where the templates and the files for images are: beside the code in a wheel, at the root of a checkout."""

from pathlib import Path

__all__ = ["asset_root", "containers", "templates"]


def asset_root() -> Path:
    """The folder that holds ``Dockerfile.templates`` and ``containers``.

    A checkout wins over the stale copy that an editable install leaves in site-packages.
    """
    here = Path(__file__).resolve().parent
    checkout = here.parents[1]
    if (checkout / "Dockerfile.templates").is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout
    return here / "_assets"


def containers() -> Path:
    """What goes into images and into users' projects."""
    return asset_root() / "containers"


def templates() -> Path:
    """The Jinja templates of the Dockerfiles."""
    return asset_root() / "Dockerfile.templates"
