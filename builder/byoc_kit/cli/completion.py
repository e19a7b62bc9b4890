"""``byoc completion``: shell completion, made by click."""

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


WHOLE_NAMES = "COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}"
"""Bash would take ``dlc:pytorch`` for three words, and complete the last of them."""


@click.command(epilog='Example: eval "$(byoc completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script for SHELL; put it where your shell reads such scripts, or eval it."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"no completion for {shell}")
    if shell == "bash":
        click.echo(WHOLE_NAMES)
    click.echo(made(context.find_root().command, {}, "byoc", "_BYOC_COMPLETE").source())
