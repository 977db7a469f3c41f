"""What differs between two structures. `diff(old, new)` is pure: it knows no store, no app and no clock."""

from devtools.introspection.diff import elements, openapi, sdl
from devtools.introspection.diff.changes import Diff
from devtools.introspection.elements import Structure


def diff(old: Structure, new: Structure) -> Diff:
    """Elements added, removed and changed field by field; GraphQL and OpenAPI changes with what they do to clients."""
    return Diff(
        old=old.app,
        new=new.app,
        entries=tuple(elements.changes(old, new)),
        sdl=tuple(sdl.changes(old.sdl, new.sdl)),
        openapi=tuple(openapi.changes(old.openapi, new.openapi)),
    )
