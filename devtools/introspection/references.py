"""Links that nobody has written down: what a function's code names. A route that emits an event needs no decorator to say so.

Reads compiled code and looks names up as the function would; nothing is run, and no source file is needed.
"""

import dis
import importlib.util
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from devtools.errors import OF_THE_APP
from devtools.introspection.elements import ElementKind
from devtools.introspection.naming import unwrapped
from devtools.introspection.registry import Registry, declared_id

LINKS = ("depends_on", "emits", "throws", "contexts", "provides")

EMITTING = frozenset({"emit", "emit_sync", "send", "send_async", "send_robust", "asend", "asend_robust"})
"""How our own events, and the signals of blinker and Django, are sent."""
MAX_CODES = 100
"""Functions within functions that are looked at, of one function."""

Names = frozenset[str]
Path = tuple[str, ...]
"""How code names a value: `("charge",)`, or `("shop", "charge")` for `shop.charge`."""

Link = tuple[str, str]
"""Which link, and to which id."""


class References:
    """Finds links in code, by what is declared in a registry, and by what inspectors recognised.

    `recognised` are objects and the ids they stand for by `id()`, `kinds` the kinds of those; `named` are ids by the text that
    names them, each with the calls in which it does.
    """

    def __init__(
        self,
        registry: Registry,
        recognised: Mapping[int, tuple[Any, str]] = types.MappingProxyType({}),
        kinds: Mapping[str, ElementKind] = types.MappingProxyType({}),
        named: Mapping[str, Sequence[tuple[str, frozenset[str]]]] = types.MappingProxyType({}),
    ) -> None:
        declared = tuple(registry.declared.items())
        self.kinds = {**kinds, **{identifier: entry.element.kind for identifier, entry in declared}}
        self.recognised = recognised
        self.named = named
        self.contexts: dict[int, str] = {}
        for identifier, entry in declared:
            thing: object = entry.thing
            if thing.__class__ is ContextVar:
                self.contexts[id(thing)] = identifier

    def of(self, thing: Any, own_id: str) -> dict[str, tuple[str, ...]]:  # Any: every callable there is
        """Links of a function, or of the methods of a class, as ids in order. Never raises."""
        found: dict[str, set[str]] = {}
        if self.kinds:
            with suppress(*OF_THE_APP):
                for link, identifier in self._all(thing):
                    found.setdefault(link, set()).add(identifier)
        return {link: tuple(sorted(identifiers - {own_id})) for link, identifiers in found.items()}

    def _all(self, thing: Any) -> Iterator[Link]:
        for function in _functions(thing):
            yield from self._links(function)
            yield from self._used(_annotated(function))
            if self.named:
                yield from self._told(_codes(function.__code__))
        target = unwrapped(thing)
        if isinstance(target, type):
            yield from self._used(iter(tuple(vars(target).values())))

    def _told(self, codes: list[types.CodeType]) -> Iterator[Link]:
        """What code names by text: `redis.enqueue_job("charge")`."""
        for code in codes:
            for text in code.co_consts:
                for identifier, calls in self.named.get(text, ()) if isinstance(text, str) else ():
                    kind = self.kinds.get(identifier)
                    if kind is not None and not calls.isdisjoint(code.co_names):
                        yield ("emits" if kind is ElementKind.event else "depends_on"), identifier

    def _used(self, values: Iterator[Any]) -> Iterator[Link]:
        """What is named outside code, by annotations or in the body of a class, and was recognised: it is depended on."""
        for value in values:
            identifier = self.recognised[id(value)][1] if id(value) in self.recognised else None
            if identifier is not None and self.kinds.get(identifier) in _USED:
                yield "depends_on", identifier

    def _links(self, function: types.FunctionType) -> Iterator[Link]:
        codes = _codes(function.__code__)
        names = frozenset(name for code in codes for name in code.co_names)
        found = [
            (path, link)
            for path, value in _values(function, codes, names)
            for link in self._meant(path[-1], value, names, codes)
        ]
        read = _read(codes) if found else frozenset[Path]()
        return (link for path, link in found if path in read)

    def _meant(self, name: str, value: Any, names: Names, codes: list[types.CodeType]) -> Iterator[Link]:
        """The links that a value stands for, if the code reads it by this name."""
        if type(value) is ContextVar:
            yield from self._context(value, names)
            return
        identifier = declared_id(value) if _may_be_declared(value) else None
        if identifier is None and id(value) in self.recognised:
            identifier = self.recognised[id(value)][1]
        kind = None if identifier is None else self.kinds.get(identifier)
        link = None if kind is None else _LINK_OF.get(kind)
        if identifier is not None and link is not None and link[1](name, names, codes):
            yield link[0], identifier

    def _context(self, variable: Any, names: Names) -> Iterator[Link]:
        identifier = self.contexts.get(id(variable))
        if identifier is not None:
            if "get" in names:
                yield "contexts", identifier
            if "set" in names:
                yield "provides", identifier


def _may_be_declared(value: object) -> bool:
    """Whether to ask for an id: other objects may be lazy, and asking them would wake them up."""
    kind = type(value)
    return kind is types.FunctionType or issubclass(kind, type) or kind.__module__.startswith(_OURS)


_OURS = __name__.partition(".")[0] + "."

Check = Callable[[str, Names, list[types.CodeType]], bool]


def _is_emitted(_: str, names: Names, __: list[types.CodeType]) -> bool:
    return not EMITTING.isdisjoint(names)


def _is_used(_: str, __: Names, ___: list[types.CodeType]) -> bool:
    return True


def _is_raised(name: str, _: Names, codes: list[types.CodeType]) -> bool:
    return any(_raises(code, name) for code in codes)


_USED = frozenset({ElementKind.task, ElementKind.resource})

_LINK_OF: Mapping[ElementKind, tuple[str, Check]] = {
    ElementKind.task: ("depends_on", _is_used),
    ElementKind.resource: ("depends_on", _is_used),
    ElementKind.event: ("emits", _is_emitted),
    ElementKind.error: ("throws", _is_raised),
}


def _functions(thing: Any) -> Iterator[types.FunctionType]:
    target = unwrapped(thing)
    if isinstance(target, types.FunctionType):
        yield target
    elif isinstance(target, type):
        for member in tuple(vars(target).values()):
            inner = unwrapped(member)
            if isinstance(inner, types.FunctionType):
                yield inner


def _codes(code: types.CodeType) -> list[types.CodeType]:
    """The code of a function and of those inside it."""
    found = [code]
    for outer in found:
        inner = [constant for constant in outer.co_consts if isinstance(constant, types.CodeType)]
        found += inner[: max(0, MAX_CODES - len(found))]
    return found


def _values(
    function: types.FunctionType, codes: list[types.CodeType], names: Names
) -> Iterator[tuple[Path, Any]]:
    """What the names in the code may stand for: globals, members of modules, local imports, values of enclosing functions."""
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, types.ModuleType):
            members = vars(value)
            yield from (((name, member), members[member]) for member in names if member in members)
        elif value is not None:
            yield (name,), value
    for name, value in _imported(function, codes):
        yield (name,), value
    free = {name for code in codes for name in code.co_freevars}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        if name in free:
            try:
                yield (name,), cell.cell_contents
            except ValueError:
                continue


def _imported(function: types.FunctionType, codes: list[types.CodeType]) -> Iterator[tuple[str, Any]]:
    """What `from module import name` inside a function stands for, where the module is there already."""
    for code in codes:
        if _IMPORT_FROM not in code.co_code[::2]:
            continue
        level, module = 0, ""
        for step in dis.get_instructions(code):
            if step.opname in _CONSTANTS and isinstance(step.argval, int):
                level = step.argval
            elif step.opname == "IMPORT_NAME":
                module = _resolved(str(step.argval), level, function)
            elif step.opname == "IMPORT_FROM":
                value = vars(sys.modules[module]).get(step.argval) if module in sys.modules else None
                if value is not None:
                    yield str(step.argval), value


_IMPORT_FROM = dis.opmap["IMPORT_FROM"]
_CONSTANTS = frozenset({"LOAD_CONST", "LOAD_SMALL_INT"})


def _resolved(name: str, level: int, function: types.FunctionType) -> str:
    package = function.__globals__.get("__package__") or ""
    return importlib.util.resolve_name("." * level + name, package) if level and package else name


_NAME = re.compile(r"[A-Za-z_]\w*")
MAX_TYPES = 50
"""Types within one annotation that are looked at."""


def _annotated(function: types.FunctionType) -> Iterator[Any]:
    """The types that the annotations of a function name, also within others; of those kept as text, the names that are global."""
    for annotation in _annotations(function).values():
        if isinstance(annotation, str):
            yield from (function.__globals__.get(name) for name in _NAME.findall(annotation))
            continue
        waiting = [annotation]
        for kind in waiting:
            yield kind
            waiting += typing.get_args(kind)[: max(0, MAX_TYPES - len(waiting))]


def _annotations(function: types.FunctionType) -> Mapping[str, Any]:
    """As they are kept; none where Python 3.14 cannot make them, because one is a name for the type checker alone."""
    try:
        return function.__annotations__
    except OF_THE_APP:
        return {}


def _read(codes: list[types.CodeType]) -> frozenset[Path]:
    """How values are named where the code reads them. `names` alone would take `order.charge` for the global `charge`."""
    paths: set[Path] = set()
    for code in codes:
        path: Path = ()
        for step in dis.get_instructions(code):
            if step.opname in _READS:
                path = (str(step.argval),)
            elif step.opname == "IMPORT_FROM":
                paths.add((str(step.argval),))
            elif step.opname in _READS_MEMBER and path:
                path += (str(step.argval),)
            elif step.opname not in _BETWEEN:
                path = ()
            paths.add(path)
    return frozenset(paths)


_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"})
_READS_MEMBER = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_BETWEEN = frozenset({"EXTENDED_ARG", "PUSH_NULL"})


def _raises(code: types.CodeType, name: str) -> bool:
    """Whether the code names this and raises something; to name it in `except` does not count."""
    if name not in code.co_names and name not in code.co_freevars:
        return False
    steps = list(dis.get_instructions(code))
    if not any(step.opname == "RAISE_VARARGS" for step in steps):
        return False
    return any(
        step.argval == name and step.opname.startswith("LOAD_") and not _is_caught(steps[index + 1 :])
        for index, step in enumerate(steps)
    )


def _is_caught(following: list[dis.Instruction]) -> bool:
    for step in following:
        if step.opname == "CHECK_EXC_MATCH":
            return True
        if not step.opname.startswith("LOAD_") and step.opname != "BUILD_TUPLE":
            return False
    return False
