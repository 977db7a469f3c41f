"""Declares GraphQL types and fields whose descriptions are their docstrings. Called by every module of types."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types.field import StrawberryField

T = TypeVar("T", bound=type)


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field, StrawberryField))
def object_type(cls: T) -> T:
    """A GraphQL object type."""
    return strawberry.type(cls, description=_description(cls))


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field, StrawberryField))
def interface(cls: T) -> T:
    """A GraphQL interface."""
    return strawberry.interface(cls, description=_description(cls))


def field(resolver: Callable[..., Any]) -> Any:  # Any: the descriptor that a class of types replaces
    """A field that is computed."""
    return strawberry.field(resolver=resolver, description=_description(resolver))


def _description(documented: object) -> str | None:
    text = inspect.getdoc(documented)
    return " ".join(text.split()) if text else None
