"""BuildKit's plain output, as two generations of it print it, and what is told of it."""

from byoc_kit.engines.progress import Progress


class Listener:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.printed: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    def output(self, text: str) -> None:
        self.printed.append(text)

    def progress(self, task: str, done: int, total: int | None) -> None: ...


FAILED = """\
#1 [internal] load build definition from Dockerfile
#1 sha256:aaaa
#1 transferring dockerfile: 1.2kB done
#1 DONE 0.0s

#4 [base 1/1] FROM docker.io/library/mybase:dev
#4 sha256:bbbb
#4 CACHED

#6 [image 2/3] COPY a b
#6 ERROR: context canceled

#5 [wheels 2/2] RUN --mount=type=secret,id=pip_conf,target=/run/secrets/pip_conf     python3 /byoc/wheels.py
#5 0.345 Collecting nothing
#5 1.200 ERROR: No matching distribution found for nothing
#5 ERROR: executor failed running [/bin/sh -c python3 /byoc/wheels.py]: exit code: 1

------
 > [wheels 2/2] RUN ...:
------
executor failed running [/bin/sh -c python3 /byoc/wheels.py]: exit code: 1
"""


def read(text: str) -> tuple[Progress, Listener]:
    listener = Listener()
    progress = Progress(listener)
    for line in text.splitlines():
        progress.feed(line)
    return progress, listener


def test_a_step_that_was_only_cancelled_is_not_the_one_that_failed() -> None:
    progress, _ = read(FAILED)
    step = progress.failed()
    assert step is not None
    assert step.name == "[wheels 2/2] RUN python3 /byoc/wheels.py"
    assert step.output == ["Collecting nothing", "ERROR: No matching distribution found for nothing"]
    assert step.error == "executor failed running [/bin/sh -c python3 /byoc/wheels.py]: exit code: 1"


def test_buildkits_own_business_is_not_told() -> None:
    _, listener = read(FAILED)
    assert listener.said == [
        "[base 1/1] FROM docker.io/library/mybase:dev",
        "[image 2/3] COPY a b",
        "[wheels 2/2] RUN python3 /byoc/wheels.py",
    ]
    assert listener.printed == [
        "  Collecting nothing",
        "  ERROR: No matching distribution found for nothing",
    ]


def test_seconds_of_steps_that_came_in_pieces_add_up() -> None:
    progress, _ = read("#7 [a 1/2] RUN x\n#7 0.1 one\n#7 DONE 0.5s\n#7 [a 1/2] RUN x\n#7 DONE 1.0s\n")
    assert progress.seconds() == {"[a 1/2] RUN x": 1.5}


def test_words_of_the_command_itself_are_kept_without_ornament() -> None:
    progress, _ = read("------\n > [x]:\n------\nERROR: failed to solve: no space left on device\n")
    assert list(progress.tail(1)) == ["ERROR: failed to solve: no space left on device"]
