"""``byoc publish``: a project becomes an image in a registry that is what it should be, or no tag moves.

Decide: what is to be published, what the registry has, hence the plan. Do what the plan says: build, verify,
push to the content tag, read back, verify again, put tags, read them back, write the record.
"""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from byoc_kit.contract.types import Evidence
from byoc_kit.docker_api import connect
from byoc_kit.errors import ByocError
from byoc_kit.images.push import push
from byoc_kit.images.registry import RemoteImage, RemoteRepository, read_image
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.manifest import Manifest, ManifestError, to_docker
from byoc_kit.oci.reference import ImageReference, Named, parse_image
from byoc_kit.plan.choose import LAYER
from byoc_kit.plan.publish import Held, PublishPlan, Subject, Survey, disagreement, fixed_tags, plan_publish
from byoc_kit.plan.record import Record
from byoc_kit.plan.tags import content_tag
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.build import BuildOptions, build
from byoc_kit.work.evidence import gather_engine, gather_files, with_manifest
from byoc_kit.work.images import open_image, open_repository, open_sink
from byoc_kit.work.logins import logins
from byoc_kit.work.places import destination
from byoc_kit.work.project import Project
from byoc_kit.work.prove import make_record, prove
from byoc_kit.work.record import write_record
from byoc_kit.work.subject import find_subject, in_engine

__all__ = ["plan", "publish"]


def plan(
    project: Project,
    *,
    image: str | None = None,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
) -> PublishPlan:
    """What :func:`publish` would do now; nothing is built or changed. Raises ByocError."""
    publisher = _publisher(project, talk, environ)
    return publisher.decide(find_subject(project, image, environ))


def publish(
    project: Project,
    *,
    image: str | None = None,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Record:
    """Publish *project*, or *image* of the engine in its place, to the repository that byoc.toml names.

    Publishing the same again sends nothing and gives the same record. Raises ByocError; ContractError if the
    image breaks a MUST clause of its targets. Whatever fails, no tag but the content tag has moved by then.
    """
    publisher = _publisher(project, talk, environ)
    if image is None and project.spec.build.dockerfile:
        build(project, talk=publisher.talk, environ=environ)  # only the engine's cache knows what has changed
    return publisher.execute(publisher.decide(find_subject(project, image, environ)), image)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """One project on its way to one repository."""

    project: Project
    remote: RemoteRepository
    talk: Talk
    environ: Mapping[str, str]

    def decide(self, subject: Subject) -> PublishPlan:
        """Look at the repository, then plan."""
        existing = self.remote.tags()
        held = {name: self._held(name) for name in fixed_tags(subject, existing)}
        return plan_publish(subject, self.remote.repository, Survey(tags=existing, held=held))

    def execute(self, plan: PublishPlan, image: str | None = None) -> Record:
        """Do what *plan* says, in an order in which nothing is ever half published; *image*: what to copy."""
        refuse_conflicts(plan)
        targets = self.project.spec.image.targets
        if plan.way == "push":
            image_id, tag, here = self._by_engine(plan)
        else:
            image_id, tag = self._without_engine(plan, image)
            here = None
        found = self._read_back(tag, image_id, plan)
        seen = here or gather_files(found.reference, plan.platform, self.talk, self.environ)
        report = prove(replace(with_manifest(seen, found), targets=targets, image=str(found.reference)))
        for each in plan.tags:
            self._tag(each.name, found.manifest)

        record = make_record(found, report, plan, (tag, *(each.name for each in plan.tags)))
        write_record(self.project, record)
        return record

    def _by_engine(self, plan: PublishPlan) -> tuple[str, str, Evidence | None]:
        """Image id, content tag, and what the engine knows of the image; it is proven before it is pushed."""
        settings = BuildOptions(output="docker")
        image_id = (
            plan.image_id
            or build(self.project, talk=self.talk, environ=self.environ, options=settings).image_id
        )
        tag = plan.content_tag or content_tag(image_id)
        here = self._look_here(image_id, plan)
        if here is not None:
            prove(replace(here, targets=self.project.spec.image.targets))
        if plan.push:
            self._push(image_id, tag)
        return image_id, tag, here

    def _without_engine(self, plan: PublishPlan, image: str | None) -> tuple[str, str]:
        """Image id and content tag of what is in the registry now: built straight into it, or copied."""
        tag = plan.content_tag
        assert tag is not None, "only what an engine builds has its tag after the build"
        if not plan.push:
            assert plan.image_id is not None, "it is in the registry"
            return plan.image_id, tag
        if image is None:
            settings = BuildOptions(output="registry", engine=LAYER)
            built = build(self.project, talk=self.talk, environ=self.environ, options=settings)
            return built.image_id, tag
        self._copy(parse_image(image), Named(self.remote.repository, tag), plan)
        return str(plan.image_id), tag

    def _copy(self, source: ImageReference, target: Named, plan: PublishPlan) -> None:
        with (
            open_image(source, platform=plan.platform, environ=self.environ, talk=self.talk) as there,
            open_sink(target, environ=self.environ, talk=self.talk) as sink,
        ):
            sink.write(there, tag=True)

    def _held(self, tag: str) -> Held:
        top = self.remote.manifest(tag)
        if top is None:
            raise _changed(f"{self.remote.repository}:{tag}")
        return Held(top.digest, top.config.digest if isinstance(top, Manifest) else None)

    def _look_here(self, image_id: str, plan: PublishPlan) -> Evidence | None:
        """Evidence from the engine; None where only the registry has the image."""
        if in_engine(image_id, self.environ) is None:
            return None
        return gather_engine(image_id, plan.platform, self.talk, self.environ)

    def _push(self, image_id: str, tag: str) -> None:
        repository = self.remote.repository
        self.talk.say(f"pushing {repository}:{tag}")
        credentials = logins(self.environ)(str(repository.host))
        with contextlib.closing(connect(self.environ)) as client:
            push(client, image_id, to=(repository, tag), credentials=credentials, talk=self.talk)

    def _read_back(self, tag: str, image_id: str, plan: PublishPlan) -> RemoteImage:
        """What the registry has now, as one Docker v2 schema 2 manifest (IMG-11); it is what was meant."""
        name = f"{self.remote.repository}:{tag}"
        found = read_image(self.remote, tag, plan.platform)
        wrong = disagreement(image_id, plan.platform, (found.top.digest, found.manifest, found.config))
        if wrong:
            raise _not_what_was_pushed(name, wrong)
        try:
            docker = to_docker(found.manifest)
        except ManifestError as error:
            raise _not_what_was_pushed(name, str(error)) from error
        if docker.digest == found.top.digest:
            return found
        self.talk.note(f"{name}: {found.top.media_type} becomes Docker v2 schema 2, layers unchanged")
        self.remote.put_manifest(docker.digest, docker)
        self._tag(tag, docker)
        return read_image(self.remote, tag, plan.platform)

    def _tag(self, name: str, manifest: Manifest) -> None:
        """Put the tag unless it is there, and see that it is."""
        if self._digest(name) == manifest.digest:
            return
        self.remote.put_manifest(name, manifest)
        if self._digest(name) != manifest.digest:
            raise _changed(f"{self.remote.repository}:{name}")

    def _digest(self, target: str) -> Digest | None:
        found = self.remote.manifest(target)
        return found.digest if found else None


def refuse_conflicts(plan: PublishPlan) -> None:
    """Raises ByocError (BYOC-E512) where a tag that must not move means another image."""
    if not plan.conflicts:
        return
    names = ", ".join(each.tag for each in plan.conflicts)
    raise ByocError(
        f"{plan.repository} has {names} already, for another image",
        why="a version means one image for ever; nothing was changed",
        fix='raise [image] version, or say on-conflict = "keep" or "move" under [publish]',
        id="BYOC-E512",
        details=[f"{each.tag}: {each.digest}" for each in plan.conflicts],
    )


def _publisher(project: Project, talk: Talk | None, environ: Mapping[str, str]) -> Publisher:
    """Nothing is sent yet. Raises UsageError where byoc.toml names no registry."""
    remote = open_repository(destination(project), environ)
    return Publisher(project=project, remote=remote, talk=talk or Silence(), environ=environ)


def _changed(name: str) -> ByocError:
    return ByocError(
        f"{name} changed while it was looked at",
        why="somebody else publishes to the same repository at the same time",
        fix="run the command again",
        id="BYOC-E515",
    )


def _not_what_was_pushed(name: str, why: str) -> ByocError:
    return ByocError(
        f"{name} is not what was pushed; no further tag was put",
        why=why,
        fix="run the command again; if it stays, try another registry or another engine",
        id="BYOC-E513",
    )
