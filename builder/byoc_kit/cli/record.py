"""``byoc record``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

if TYPE_CHECKING:
    from byoc_kit.plan.record import Record

__all__ = ["record"]


@click.group(epilog="Example: byoc record show --for serve --with sdk-v3")
def record() -> None:
    """The record of a published image, with ready snippets."""


@record.command(
    epilog="""\b
Examples:
  byoc record show --for serve --with boto3 > deploy.py
  byoc record show 111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker/churn:1.4.2
"""
)
@click.argument("source", metavar="[FILE|URI]", required=False)
@file_option
@json_option
@click.option(
    "--for", "use", type=click.Choice(["train", "process", "serve"]), help="Only snippets for this."
)
@click.option(
    "--with", "library", type=click.Choice(["sdk-v2", "sdk-v3", "boto3"]), help="Only those of this library."
)
def show(source: str | None, file: Path | None, as_json: bool, use: str | None, library: str | None) -> None:
    """Show the record of the last publish of this project, or that in FILE, or that beside the image URI.

    URI is registry/repository with a digest or a tag: publishing keeps the record there, for everybody.
    """
    from byoc_kit.plan.snippets import snippets
    from byoc_kit.work.record import find_record, usable_in_sagemaker

    found = find_record(source, file)
    parts = {
        key: text
        for key, text in snippets(found).items()
        if use in {None, key[0]} and library in {None, key[1]}
    }
    if not usable_in_sagemaker(found):
        talk().note("SageMaker pulls from Amazon ECR; this registry is for your own machines and tests")
    if use and library:
        emit(next(iter(parts.values()), "").rstrip("\n"), found.to_json(), as_json=as_json)
        return
    code = [f"# --- {key[0]} with {key[1]}\n{text}" for key, text in parts.items()]
    emit("\n".join([_text(found), *code]).rstrip("\n"), found.to_json(), as_json=as_json)


def _text(found: "Record") -> str:
    facts = {
        "tags": ", ".join(found.tags),
        "platform": f"{found.platform}, {found.size / 1e6:,.1f} MB in the registry",
        **{name: each.why for name, each in sorted(found.targets.items())},
        "base": (found.base_reference or "unknown") + (f"@{found.base_digest}" if found.base_digest else ""),
        "source": f"{found.commit or 'no git commit'}{' (dirty)' if found.dirty else ''}",
        "verified": f"{found.verify.result} ({found.verify.depth})",
        **{name: f"{form.digest} for {', '.join(form.targets)}" for name, form in found.forms.items()},
        **({"sbom": found.sbom} if found.sbom else {}),
        **({"published": f"{found.published.at} by {found.published.by}"} if found.published else {}),
    }
    regions = [f"# {region:<11} {uris[0]}" for region, uris in sorted(found.uris.items()) if region != "*"]
    lines = [f"# {found.reference}", *(f"# {name:<11} {fact}" for name, fact in facts.items()), *regions, ""]
    return "\n".join(lines)
