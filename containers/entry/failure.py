"""``/opt/ml/output/failure``: what really happened, first.

Its first 1024 characters become the job's FailureReason (OUT-03). sagemaker-training writes a text without
the error and always exits with 1 (TTK-20, TTK-21); both are mended here from what went by on stderr.
"""

from __future__ import annotations

import contextlib
import os
import re

from trouble import say

SHOWN = 1024  # characters that DescribeTrainingJob shows, bytes that DescribeProcessingJob does
MESSAGE = 500  # characters of an exception's own message
LINES = 700  # characters of stderr's last lines that are shown first
MORE = 3000  # characters of stderr's last lines that follow

MEANINGS = {
    126: "the program was found but could not be executed: no permission, or not a program for this machine",
    127: "a program or one of its libraries was not found: a misspelt name, or CRLF line ends in a script",
    132: "illegal instruction: a library was built for a newer CPU than this instance has",
    134: "aborted: an assertion of a native library failed",
    135: "bus error: usually shared memory (/dev/shm) was full; use fewer data loader workers",
    137: "killed, usually out of memory: use a larger instance or smaller batches",
    139: "segmentation fault in a native library: look for versions that do not fit together",
    143: "it has no handler for SIGTERM",
}

_HOLLOW = re.compile(
    r"(\w+):\nExitCode (-?\d+)\nErrorMessage \"(.*?)\"\n(?:ExtraInfo [^\n]*\n)?(?:Command \"([^\n]*)\")?",
    re.S,
)
_INVOKING = "Invoking script with the following command:"
_TOOLKIT_LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ sagemaker-training-toolkit ")
_HEADER = re.compile(r"^(?P<prefix>.*?)(?:Exception Group )?Traceback \(most recent call last\):$")
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:: |:?$)")
_REPORTERS = ("CalledProcessError", "ChildFailedError", "ProcessExitedException")


def clear_if_empty(path: str) -> None:
    """After success: an empty file would only mislead (OUT-04); one with text is the program's own."""
    with contextlib.suppress(OSError):
        if not os.path.getsize(path):
            os.unlink(path)


def read(path: str) -> str:
    """What is there now; empty if there is nothing to read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def write(path: str, text: str) -> None:
    """Write the text; a folder that is missing or read-only is no reason to fail in another way."""
    try:
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        say(f"cannot write {path}: {error.strerror}")


def short(text: str) -> str:
    """As much as an ExitMessage holds: a text that is cut within a letter would fail the job (PRC-07)."""
    return text.encode("utf-8", "replace")[:SHOWN].decode("utf-8", "ignore")


def program_code(code: int, *texts: str) -> int:
    """The script's exit code (a signal if negative): the toolkit says it in words and exits with 1."""
    if code == 1:
        for text in texts:
            found = list(_HOLLOW.finditer(text))
            if found:
                return int(found[-1][2]) or code
    return code


def ended(code: int, stop: str) -> str:
    """``ended with exit code 137 (killed, ...)``, or ``was stopped by SIGTERM and ended with ...``."""
    meaning = f"ended with exit code {code}" + (f" ({MEANINGS[code]})" if code in MEANINGS else "")
    return f"was stopped by {stop} and {meaning}" if stop else meaning


def reason(theirs: str, stderr: str, code: int, stop: str) -> str:
    """The text for the failure file.

    *theirs* is the text that is there: kept if the program wrote it itself, replaced if it is the toolkit's
    and says nothing. *stop* is the name of the signal that asked for a stop, or empty.
    """
    hollow = _HOLLOW.match(theirs)
    of_toolkit = bool(hollow) or theirs.startswith("Framework Error:")
    if theirs.strip() and not of_toolkit:
        return theirs
    lines = _own_lines(stderr)
    raised = _last_exception(lines) or (_last_exception(theirs.splitlines()) if of_toolkit else None)
    if hollow and hollow[3] and not raised:
        return theirs
    exit_line = f"The program {ended(code, stop)}."
    if raised:
        return _with_exception(*raised, exit_line, lines)
    if hollow and hollow[1] != "ExecuteUserScriptError":
        exit_line = f"{hollow[1]}: {hollow[4]}\n{exit_line}"
    return _without_exception(lines, exit_line, explained=code in MEANINGS or bool(stop))


def _own_lines(stderr: str) -> list[str]:
    """The program's own lines of stderr; the toolkit's show all hyperparameters and variables (TTK-24)."""
    _before, invoked, text = stderr.rpartition(_INVOKING)
    if invoked:  # the command follows, with all hyperparameters
        text = text.lstrip().partition("\n")[2]
    text = _HOLLOW.sub("", text)
    lines = [line.rpartition("\r")[2].rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return [line for line in lines if line and not _TOOLKIT_LINE.match(line)]


def _last_exception(lines: list[str]) -> tuple[str, list[str]] | None:
    """The last exception of Python that is not only the report of another one: its text and its frames."""
    found = _exceptions(lines)
    roots = [raised for raised in found if not raised[0].split(":")[0].endswith(_REPORTERS)]
    return (roots or found)[-1] if found else None


def _exceptions(lines: list[str]) -> list[tuple[str, list[str]]]:
    """All exceptions: a line such as ``ValueError: text`` below frames (a SyntaxError has no header)."""
    found: list[tuple[str, list[str]]] = []
    frames: list[str] = []
    prefix = ""
    for number, whole in enumerate(lines):
        header = _HEADER.match(whole)
        if header:
            prefix, frames = header["prefix"].replace("+", "|"), []
            continue
        line = whole[len(prefix) :] if whole.startswith(prefix) else whole
        if line.startswith('  File "') or (frames and line.startswith("  ")):
            frames.append(line)
        elif frames:
            if _RAISED.match(line):
                found.append((_message(line, lines[number + 1 :], prefix), frames))
            frames = []
    return found


def _message(line: str, following: list[str], prefix: str) -> str:
    """An exception's text, which may go on for some lines."""
    text = [line]
    for whole in following:
        more = whole[len(prefix) :] if whole.startswith(prefix) else whole
        if _HEADER.match(whole) or more.startswith(("  File ", "During handling", "The above exception")):
            break
        text.append(more)
        if sum(map(len, text)) > MESSAGE:
            break
    return _cut("\n".join(text), MESSAGE)


def _with_exception(raised: str, frames: list[str], exit_line: str, lines: list[str]) -> str:
    room = SHOWN - len(raised) - len(exit_line) - 3
    return f"{raised}\n{exit_line}\n{_end(frames, room)}\n\nThe last lines of stderr:\n{_end(lines, MORE)}\n"


def _without_exception(lines: list[str], exit_line: str, *, explained: bool) -> str:
    last, more = _end(lines, LINES) or "Nothing was written to stderr.", _end(lines, MORE)
    first = f"{exit_line}\n{last}\n" if explained or not lines else f"{last}\n{exit_line}\n"
    return first if len(more) <= len(last) else f"{first}\nMore of stderr:\n{more}\n"


def _end(lines: list[str], room: int) -> str:
    """As many of the last lines as fit; of a single long line its end."""
    chosen: list[str] = []
    for line in reversed(lines):
        room -= len(line) + 1
        if room < 0:
            if not chosen:
                chosen = [line[-max(0, room + len(line)) :]]
            break
        chosen.insert(0, line)
    return "\n".join(chosen)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
