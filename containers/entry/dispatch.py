"""The words of a SageMaker container: which one was said, and what it starts.

``train`` and ``serve`` come from the platform (HAR-01). Where it left the file of a processing job and the
image has a program for one, other words are that program's arguments (PRC-01). Else no word is training if
the image is for it (LCL-20), else serving; a first word with a dash is an argument of training (HAR-02); and
every other word is a program of the image (LCL-23).
"""

from __future__ import annotations

import contextlib
import os
import signal

import commands
from settings import Places, Settings, read
from supervise import Command, Ending, Patience, run, shell_code
from trouble import EntryError, say

SIGNAL_NAMES = {number.value: number.name for number in signal.Signals}


def main(
    words: list[str],
    *,
    places: Places | None = None,
    environ: dict[str, str] | None = None,
    patience: Patience | None = None,
) -> int:
    """Do what the words say; the container's exit code."""
    places = places or Places()
    start = _Start(places, dict(os.environ) if environ is None else environ, patience or Patience())
    try:
        settings = read(places.settings)
        return start.word(words, settings)
    except EntryError as trouble:
        say(str(trouble))
        if _is_training(words):
            import failure

            failure.write(places.failure, f"{trouble}\n")
        return trouble.code


def _is_training(words: list[str]) -> bool:
    return not words or words[0] == "train" or words[0].startswith("-")


class _Start:
    """The surroundings of a start."""

    def __init__(self, places: Places, environ: dict[str, str], patience: Patience) -> None:
        self.places, self.environ, self.patience = places, environ, patience

    def word(self, words: list[str], settings: Settings) -> int:
        """One word, or what stands for none."""
        if self._is_processing(settings, words):
            return self._process(settings, words)
        if not words:
            words = ["train"] if settings.trains else ["serve"]
        if words[0].startswith("-"):
            words = ["train", *words]
        if words[0] == "train":
            return self._train(settings, words[1:])
        if words[0] == "serve":
            return self._serve(settings, words[1:])
        return self._other(settings, words)

    def _train(self, settings: Settings, arguments: list[str]) -> int:
        """Train; a failure is told where SageMaker reads it, and its code is the program's own."""
        path = self.places.failure
        with contextlib.suppress(
            OSError
        ):  # a text of an earlier run, if there is one, must not be taken for ours
            os.unlink(path)
        command = commands.train(settings, self.places, self.environ, arguments)
        ending = self._run(command, keep_stderr=True)
        import failure

        theirs, stderr = failure.read(path), ending.stderr.decode("utf-8", "replace")
        code = ending.code
        if command.toolkit:
            code = shell_code(failure.program_code(code, theirs, stderr))
        if code == 0:
            failure.clear_if_empty(path)
            return 0
        stop = SIGNAL_NAMES.get(ending.stop, "")
        say(f"the training program {failure.ended(code, stop)}")
        failure.write(path, failure.reason(theirs, stderr, code, stop))
        return code

    def _is_processing(self, settings: Settings, words: list[str]) -> bool:
        """Whether the words are a processing job's: none, or arguments for the program that the image has."""
        if not os.path.exists(self.places.processing):
            return False
        return not words or (settings.process is not None and words[0] not in ("train", "serve"))

    def _process(self, settings: Settings, arguments: list[str]) -> int:
        """Process; a failure is told where DescribeProcessingJob shows it, if it is not yet (PRC-07)."""
        ending = self._run(commands.process(settings, self.environ, arguments), keep_stderr=True)
        path = self.places.message
        if ending.code and not os.path.exists(path) and os.path.isdir(os.path.dirname(path)):
            import failure

            stderr, stop = ending.stderr.decode("utf-8", "replace"), SIGNAL_NAMES.get(ending.stop, "")
            failure.write(path, failure.short(failure.reason("", stderr, ending.code, stop)))
        return ending.code

    def _serve(self, settings: Settings, arguments: list[str]) -> int:
        """Serve until told to stop; a server that ends by itself has failed, whatever its code (INF-20)."""
        ending = self._run(commands.serve(settings, self.places, self.environ, arguments))
        if not ending.stop:
            say(f"the server ended by itself with exit code {ending.code}, though nobody asked it to stop")
            return ending.code or 1
        return ending.code

    def _other(self, settings: Settings, words: list[str]) -> int:
        """A program of the image; at a terminal it takes our place, so that shells have job control."""
        command = commands.other(settings, self.environ, words)
        if os.isatty(0):
            os.execve(command.argv[0], command.argv, command.env)  # noqa: S606
        return self._run(command).code

    def _run(self, command: Command, *, keep_stderr: bool = False) -> Ending:
        try:
            return run(command, keep_stderr=keep_stderr, patience=self.patience)
        except OSError as error:
            raise commands.cannot_start(command, error) from error
