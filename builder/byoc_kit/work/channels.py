"""The channels of a job: what the command line, the job file and byoc.toml say of them together."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.job.arguments import ChannelArgument, channel
from byoc_kit.job.channels import make_channel
from byoc_kit.job.request import RequestedChannel, TrainingRequest
from byoc_kit.job.s3 import SCHEME, S3Uri
from byoc_kit.job.types import Channel
from byoc_kit.talk import Talk
from byoc_kit.work.fetch import place_of, state_of
from byoc_kit.work.project import Project

__all__ = ["channels"]


def channels(
    project: Project | None,
    asked: Mapping[str, str],
    request: TrainingRequest | None,
    *,
    fetch: bool,
    talk: Talk,
) -> Iterator[Channel]:
    """Those of the job file, else of byoc.toml; *asked* (see ``job.arguments``) go over and beside them.

    *fetch*: what nothing of this machine stands in for is fetched from S3. Raises UsageError.
    """
    typed = {name: channel(name, text) for name, text in asked.items()}
    spec = project.spec.train if project else None
    own = {name: ChannelArgument(str(path)) for name, path in (spec.channels if spec else {}).items()}
    wanted = {each.name: each for each in request.channels} if request else {}
    known = typed.keys() | own.keys()
    missing = [each for name, each in wanted.items() if name not in known]
    if unfetched := [each for each in missing if not fetch or not each.uri.startswith(SCHEME)]:
        raise _without_data(unfetched)
    fetched = {each.name: ChannelArgument(each.uri) for each in missing}
    for name in [*(wanted or own), *(typed.keys() - (wanted or own).keys())]:
        if name in wanted and name not in typed and name in own:
            talk.note(f"channel {name}: the folder of byoc.toml stands in for {wanted[name].uri}")
        argument = typed.get(name) or own.get(name) or fetched[name]
        root = project.root if project and name not in typed else Path.cwd()
        yield _channel(name, argument, root, project, wanted.get(name))


def _channel(
    name: str,
    argument: ChannelArgument,
    root: Path,
    project: Project | None,
    wanted: RequestedChannel | None,
) -> Channel:
    settings = {**(wanted.settings if wanted else {}), **argument.settings}
    if argument.path.startswith(SCHEME):
        uri = str(S3Uri.parse(argument.path))
        return make_channel(name, place_of(state_of(project), uri), settings, uri)
    source = (root / Path(argument.path).expanduser()).resolve()
    if source.is_dir() and "data" not in argument.settings and settings.get("data") == "ManifestFile":
        settings["data"] = "S3Prefix"  # the folder stands in for what the manifest lists
    return make_channel(name, source, settings)


def _without_data(missing: list[RequestedChannel]) -> UsageError:
    systems = any(each.file_system for each in missing)
    fetch = "" if any(not each.uri.startswith(SCHEME) for each in missing) else "; or fetch them: --fetch"
    return UsageError(
        f"{len(missing)} channel{'s' * (len(missing) > 1)} of the job file need data of this machine",
        why="a folder of this machine has to stand in for a file system"
        if systems
        else "nothing is fetched from S3 unless you ask for it",
        fix="add " + " ".join(f"--channel {each.name}=PATH" for each in missing) + fetch,
        id="BYOC-E405",
        details=[f"channel {each.name}: {each.uri}" for each in missing],
    )
