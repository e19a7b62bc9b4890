"""How an image comes into the registry, and what is there then: pushed, built straight into it, or copied."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from byoc_kit.contract.types import Evidence, Report
from byoc_kit.docker_api import connect
from byoc_kit.errors import ByocError
from byoc_kit.images.push import push
from byoc_kit.images.registry import RemoteImage, RemoteRepository, read_image
from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.manifest import Index, Manifest
from byoc_kit.oci.reference import ImageReference, Named, parse_image
from byoc_kit.plan.choose import LAYER
from byoc_kit.plan.publish import PublishPlan, disagreement
from byoc_kit.plan.tags import content_tag
from byoc_kit.talk import Talk
from byoc_kit.work.accounts import Accounts, accounts_of
from byoc_kit.work.build import BuildOptions, build
from byoc_kit.work.evidence import gather_engine, gather_files, with_manifest
from byoc_kit.work.images import open_image, open_sink
from byoc_kit.work.logins import logins
from byoc_kit.work.project import Project
from byoc_kit.work.prove import Proving
from byoc_kit.work.shelf import Shelf
from byoc_kit.work.subject import in_engine

__all__ = ["Arrival", "Arriving", "not_what_was_pushed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An image in the registry under its content tag, whole."""

    tag: str
    image_id: str
    top: Digest
    """What the tag means: the manifest, or an index that holds it."""
    manifest: Manifest
    evidence: Evidence | None = None
    """What the engine that has it told; it was proven before it was pushed."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """One project's way into one repository."""

    project: Project
    shelf: Shelf
    talk: Talk
    environ: Mapping[str, str]
    proving: Proving

    @property
    def accounts(self) -> Accounts:
        """Who we are to which registry of ECR."""
        return accounts_of(self.project.spec.publish)

    @property
    def remote(self) -> RemoteRepository:
        """The repository."""
        return self.shelf.remote

    def there(self, plan: PublishPlan) -> Arrival:
        """What the registry has already; its manifest was read when it was decided."""
        assert plan.content_tag is not None, "it is there by this tag"
        assert plan.image_id is not None, "the registry told it"
        top = self.shelf.manifest(plan.content_tag)
        if isinstance(top, Manifest):
            return Arrival(tag=plan.content_tag, image_id=plan.image_id, top=top.digest, manifest=top)
        return self._read_back(plan.content_tag, plan.image_id, plan.platform)

    def arrive(self, plan: PublishPlan, image: str | None) -> Arrival:
        """Bring it there as *plan* says, and read it back; *image*: what to copy. Raises ByocError."""
        if plan.way == "push":
            return self._by_engine(plan)
        assert plan.content_tag is not None, "only what an engine builds has its tag after the build"
        if image is None:
            settings = BuildOptions(output="registry", engine=LAYER)
            image_id = build(self.project, talk=self.talk, environ=self.environ, options=settings).image_id
        else:
            self._copy(parse_image(image), Named(self.remote.repository, plan.content_tag), plan)
            image_id = str(plan.image_id)
        return self._read_back(plan.content_tag, image_id, plan.platform)

    def prove(self, arrival: Arrival, plan: PublishPlan) -> tuple[RemoteImage, Report]:
        """The image as it is in the registry, judged. Raises ByocError, ContractError."""
        found = self._read(arrival.tag, arrival.image_id, plan.platform)
        seen = arrival.evidence or self._look_here(arrival.image_id, plan)
        here = seen is not None
        seen = seen or gather_files(found.reference, plan.platform, self.talk, self.environ, self.accounts)
        targets = self.project.spec.image.targets
        seen = replace(with_manifest(seen, found), targets=targets, image=str(found.reference))
        if arrival.evidence is None:
            seen = self.proving.seen(seen, arrival.image_id, here=here)
        return found, self.proving.prove(seen)

    def _by_engine(self, plan: PublishPlan) -> Arrival:
        settings = BuildOptions(output="docker")
        image_id = (
            plan.image_id
            or build(self.project, talk=self.talk, environ=self.environ, options=settings).image_id
        )
        tag = plan.content_tag or content_tag(image_id)
        here = self._look_here(image_id, plan)
        if here is not None:
            here = replace(here, targets=self.project.spec.image.targets)
            here = self.proving.seen(here, image_id, here=True)
            self.proving.prove(here)
        self._push(image_id, tag)
        return replace(self._read_back(tag, image_id, plan.platform), evidence=here)

    def _look_here(self, image_id: str, plan: PublishPlan) -> Evidence | None:
        """Evidence from the engine; None where only the registry has the image."""
        if plan.way != "push" or in_engine(image_id, self.environ) is None:
            return None
        return gather_engine(image_id, plan.platform, self.talk, self.environ)

    def _push(self, image_id: str, tag: str) -> None:
        repository = self.remote.repository
        self.talk.say(f"pushing {repository}:{tag}")
        credentials = logins(self.environ, self.accounts)(str(repository.host))
        with contextlib.closing(connect(self.environ)) as client:
            push(client, image_id, to=(repository, tag), credentials=credentials, talk=self.talk)

    def _copy(self, source: ImageReference, target: Named, plan: PublishPlan) -> None:
        also: Any = {"environ": self.environ, "talk": self.talk, "accounts": self.accounts}
        with (
            open_image(source, **also, platform=plan.platform) as there,
            open_sink(target, **also) as sink,
        ):
            sink.write(there, tag=True)

    def _read_back(self, tag: str, image_id: str, platform: Platform) -> Arrival:
        found = self._read(tag, image_id, platform)
        return Arrival(tag=tag, image_id=image_id, top=found.top.digest, manifest=found.manifest)

    def _read(self, tag: str, image_id: str, platform: Platform) -> RemoteImage:
        """What the registry has under *tag*, config and all; it is what was meant, for that platform."""
        found = read_image(self.remote, tag, platform)
        top: Manifest | Index = found.top
        wrong = disagreement(image_id, platform, (top.digest, found.manifest, found.config))
        if wrong:
            raise not_what_was_pushed(f"{self.remote.repository}:{tag}", wrong)
        return found


def not_what_was_pushed(name: str, why: str) -> ByocError:
    """What to say where the registry has something else than it should."""
    return ByocError(
        f"{name} is not what was pushed; no further tag was put",
        why=why,
        fix="run the command again; if it stays, try another registry or another engine",
        id="BYOC-E513",
    )
