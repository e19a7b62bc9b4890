"""Whether a lock still answers the question: every key whose value is not the one that it was made for."""

from collections.abc import Iterator, Mapping, Sequence

from byoc_kit.spec.lock import Lock, LockedBase

__all__ = ["changed_keys"]

OF_STYLE = "[python] requirements"


def changed_keys(
    lock: Lock, *, base: LockedBase, requirements: Sequence[str], options: Mapping[str, str]
) -> tuple[str, ...]:
    """Keys of byoc.toml whose value differs from the one in *lock*, each with what differs; empty: fresh."""
    return (
        *_base(lock.base, base),
        *_requirements(lock.requirements, requirements),
        *(
            f"[python] {key}: {_told(lock.options.get(key))}, now {_told(options.get(key))}"
            for key in sorted({*lock.options, *options})
            if lock.options.get(key) != options.get(key)
        ),
    )


def _base(old: LockedBase, new: LockedBase) -> Iterator[str]:
    if old.reference != new.reference:
        yield f"[image] base: {old.reference}, now {new.reference}"
    elif old.digest and new.digest:
        if old.digest != new.digest:
            yield f"[image] base: {old.reference} was {old.digest}, now {new.digest}"
    elif old.image_id and new.image_id and old.image_id != new.image_id:
        yield f"[image] base: {old.reference} was the image {old.image_id}, now {new.image_id}"
    if old.platform != new.platform:
        yield f"[image] platform: {old.platform}, now {new.platform}"
    told = {"Python": "python", "interpreter": "executable", "libc": "libc"}
    for name, key in told.items():
        if getattr(old, key) != getattr(new, key):
            yield f"{name} of the base: {getattr(old, key)}, now {getattr(new, key)}"


def _requirements(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    for text in sorted(set(new) - set(old)):
        yield f"{OF_STYLE}: {text} is new"
    for text in sorted(set(old) - set(new)):
        yield f"{OF_STYLE}: {text} is gone"


def _told(value: str | None) -> str:
    return value or "nothing"
