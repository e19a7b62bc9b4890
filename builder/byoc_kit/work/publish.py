"""``byoc publish``: a project becomes an image in a registry that is what it should be, or no tag moves.

Decide: what is to be published, what the registry has, hence the plan. Do what the plan says: the repository,
build, verify, push to the content tag, read back, verify again, tags, and the record, in the project and
beside the image.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from byoc_kit.errors import ByocError
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.manifest import Manifest, ManifestError, to_docker, to_oci
from byoc_kit.plan.publish import (
    OCI_SUFFIX,
    Held,
    PublishPlan,
    Subject,
    Survey,
    fixed_tags,
    plan_publish,
    planned_tags,
    unfit,
)
from byoc_kit.plan.record import Form, Published, Record
from byoc_kit.spec.types import OCI_TARGETS
from byoc_kit.talk import Silence, Talk
from byoc_kit.work import repository
from byoc_kit.work.arrival import Arrival, Arriving, not_what_was_pushed
from byoc_kit.work.build import build
from byoc_kit.work.places import destination
from byoc_kit.work.project import Project
from byoc_kit.work.prove import Demand, Judged, Proving, known
from byoc_kit.work.recording import Recording
from byoc_kit.work.shelf import Shelf, open_shelf
from byoc_kit.work.subject import find_subject
from byoc_kit.work.tagging import Tagging

__all__ = ["plan", "publish"]

USUAL = Demand()


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
    demand: Demand = USUAL,
    stamp: Published | None = None,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Record:
    """Publish *project*, or *image* in its place, to the repository that byoc.toml names.

    Publishing the same again sends nothing and gives the same record, unless *stamp* tells who and when.
    Raises ByocError; ContractError if the image breaks a MUST clause of its targets. Whatever fails, no tag
    but the content tag has moved by then.
    """
    publisher = replace(_publisher(project, talk, environ), demand=demand)
    if image is None and project.spec.build.dockerfile:
        build(project, talk=publisher.talk, environ=environ)  # only the engine's cache knows what has changed
    subject = find_subject(project, image, environ)
    return publisher.execute(publisher.decide(subject), subject, image, stamp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """One project on its way to one repository."""

    project: Project
    shelf: Shelf
    talk: Talk
    environ: Mapping[str, str]
    demand: Demand = USUAL

    def decide(self, subject: Subject) -> PublishPlan:
        """Look at the repository, then plan."""
        place = repository.ensure(self.project, self.shelf.remote.repository, plan_only=True, talk=self.talk)
        if place.exists is False:
            prepare = tuple(action.what for action in place.own)
            return plan_publish(subject, place.repository, Survey(prepare=prepare))
        existing = self.shelf.tags()
        digests = self.shelf.digests(planned_tags(subject, existing))
        content = next((name for name in digests if name.startswith("c-")), None)
        held = {name: Held(digest, None) for name, digest in digests.items()}
        if content:
            held |= self._same(digests, self._held(content))
        fixed = fixed_tags(subject, existing)
        held |= {name: self._held(name) for name in fixed & held.keys() if held[name].config is None}
        immutable = frozenset(name for name in digests if place.found and place.found.keeps(name))
        survey = Survey(tags=existing, held=held, immutable=immutable)
        return plan_publish(subject, place.repository, survey)

    def execute(
        self, plan: PublishPlan, subject: Subject, image: str | None = None, stamp: Published | None = None
    ) -> Record:
        """Do what *plan* says, in an order in which nothing is ever half published; *image*: what to copy."""
        refuse_conflicts(plan)
        if plan.prepare:
            repository.ensure(self.project, plan.repository, talk=self.talk)
        if plan.push or plan.push:
            repository.offer_mounting(self.project, plan.repository, self.talk)
        proving = Proving.of(self.project, self.demand, self.talk, self.environ)
        arriving = Arriving(self.project, self.shelf, self.talk, self.environ, proving)
        arrival = arriving.arrive(plan, image) if plan.push else arriving.there(plan)
        manifest = self._as_docker(arrival, plan)
        recording = Recording(self.project, self.shelf, self.talk, self.environ)
        judged = self._judged(recording, arriving, arrival, manifest, plan)
        why = unfit(f"{plan.repository}@{manifest.digest}", manifest, self.project.spec.image.targets)
        if why:
            raise not_what_was_pushed(f"{plan.repository}:{arrival.tag}", why)
        tags = self._tag(plan, subject, manifest)
        forms = self._forms((arrival.tag, *tags), manifest) if plan.oci else {}
        record = recording.record(manifest, judged, plan, (arrival.tag, *tags))
        record = replace(record, forms=forms, published=stamp)
        recording.leave(record, manifest)
        return record

    def _judged(
        self,
        recording: Recording,
        arriving: Arriving,
        arrival: Arrival,
        manifest: Manifest,
        plan: PublishPlan,
    ) -> Judged:
        """By an earlier record of this very image, if the same was asked then; else by looking at it."""
        asked = arriving.proving.question(self.project.spec)
        for record in recording.earlier(manifest.digest, pushed=plan.push):
            judged = known(record, manifest.digest, asked)
            if judged:
                return judged
        found, report = arriving.prove(arrival, plan)
        here = arrival.image_id if arrival.evidence else None
        sbom = recording.keep_bill(found, here=here)
        return Judged.of(report, found.config, asked=asked, sbom=sbom)

    def _same(self, digests: Mapping[str, Digest], content: Held) -> dict[str, Held]:
        return {name: content for name, digest in digests.items() if digest == content.digest}

    def _held(self, tag: str) -> Held:
        top = self.shelf.manifest(tag)
        if top is None:
            raise _changed(f"{self.shelf.remote.repository}:{tag}")
        return Held(top.digest, top.config.digest if isinstance(top, Manifest) else None)

    def _as_docker(self, arrival: Arrival, plan: PublishPlan) -> Manifest:
        """What arrived, as one Docker v2 schema 2 manifest (IMG-11), which the registry has by its digest."""
        name = f"{plan.repository}:{arrival.tag}"
        try:
            docker = to_docker(arrival.manifest)
        except ManifestError as error:
            raise not_what_was_pushed(name, str(error)) from error
        if docker.digest == arrival.top:
            return docker
        self.talk.note(f"{name}: {arrival.manifest.media_type} becomes Docker v2 schema 2, layers unchanged")
        self.shelf.remote.put_manifest(docker.digest, docker)
        self._tagging(plan).move(arrival.tag, docker)
        return docker

    def _tag(self, plan: PublishPlan, subject: Subject, manifest: Manifest) -> tuple[str, ...]:
        """Put what is not there; all names that mean the image then, in the order of the plan."""
        missing = [tag for tag in plan.tags if tag.name not in plan.there]

        def replan() -> frozenset[str]:
            self.shelf.refresh()
            return planned_tags(subject, self.shelf.tags())

        put = {*self._tagging(plan).put(missing, manifest, replan), *plan.there} if missing else plan.there
        return tuple(tag.name for tag in plan.tags if tag.name in put)

    def _tagging(self, plan: PublishPlan) -> Tagging:
        expected = self.shelf.digests(tag.name for tag in plan.tags)
        return Tagging(remote=self.shelf.remote, talk=self.talk, expected=expected)

    def _forms(self, names: tuple[str, ...], manifest: Manifest) -> dict[str, Form]:
        """The OCI manifest, under each of *names* with a suffix."""
        oci = to_oci(manifest)
        remote, targets = self.shelf.remote, self.project.spec.image.targets
        if remote.digest(oci.digest) is None:
            remote.put_manifest(oci.digest, oci)
        there = self.shelf.digests(f"{name}{OCI_SUFFIX}" for name in names)
        tagging = Tagging(remote=remote, talk=self.talk)
        put = [
            name
            for name in (f"{name}{OCI_SUFFIX}" for name in names)
            if there.get(name) == oci.digest or tagging.move(name, oci)
        ]
        fits = tuple(target.value for target in targets if target in OCI_TARGETS)
        return {"oci": Form(oci.digest, oci.media_type, tuple(put), fits)}


def refuse_conflicts(plan: PublishPlan) -> None:
    """Raises ByocError (BYOC-E512) where a tag that must not move means another image."""
    if not plan.conflicts:
        return
    names = ", ".join(each.tag for each in plan.conflicts)
    reasons = "; ".join(dict.fromkeys(each.why for each in plan.conflicts))
    raise ByocError(
        f"{plan.repository} has {names} already, for another image",
        why=f"{reasons}; nothing was changed",
        fix='raise [image] version, or say on-conflict = "keep" or "move" under [publish]',
        id="BYOC-E512",
        details=[f"{each.tag}: {each.digest}" for each in plan.conflicts],
    )


def _publisher(project: Project, talk: Talk | None, environ: Mapping[str, str]) -> Publisher:
    """Nothing is sent yet. Raises UsageError where byoc.toml names no registry."""
    shelf = open_shelf(destination(project), project.spec.publish, environ)
    return Publisher(project=project, shelf=shelf, talk=talk or Silence(), environ=environ)


def _changed(name: str) -> ByocError:
    return ByocError(
        f"{name} changed while it was looked at",
        why="somebody else publishes to the same repository at the same time",
        fix="run the command again",
        id="BYOC-E515",
    )
