"""Names of Python objects that stay from start to start: ids, places in files, titles. Never raises, whatever the object."""

import contextlib
import functools
import inspect
import linecache
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from devtools.errors import OF_THE_APP

WRAPPED = ("__wrapped__", "__dishka_orig_func__")
"""Where decorators keep what they wrap."""


def unwrapped(thing: Any) -> Any:  # Any: every callable there is
    """The function or class behind partials, bound methods, decorators with `__wrapped__`, and callable objects."""
    for _ in range(50):  # a `__wrapped__` chain may be a cycle
        inner = _inner(thing)
        if inner is None:
            break
        thing = inner
    if callable(thing) and _text(thing, "__qualname__") is None and not issubclass(type(thing), type):
        return type(thing)
    return thing


def _text(thing: Any, name: str) -> str | None:  # Any: as above
    """An attribute where it is text; objects may answer anything, or raise."""
    try:
        value = getattr(thing, name, None)
    except OF_THE_APP:
        return None
    return str.__str__(value) if isinstance(value, str) else None


def attribute(thing: Any, name: str) -> Any:  # Any: as above
    """An attribute, None where there is none or the object raises."""
    try:
        return getattr(thing, name, None)
    except OF_THE_APP:
        return None


def closure(function: Any) -> dict[str, Any]:  # Any: as above
    """The values of enclosing functions that a function holds, by name."""
    found: dict[str, Any] = {}
    try:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
            with contextlib.suppress(ValueError):  # not assigned yet
                found[name] = cell.cell_contents
    except OF_THE_APP:
        return found
    return found


kind_of: Callable[[object], type[Any]] = type  # Any: pyright would narrow it to an unknown type


def mapping(value: Any) -> Mapping[Any, Any]:  # Any: as above
    """The value where it is a mapping, else an empty one."""
    return cast("Mapping[Any, Any]", value) if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:  # Any: as above
    """The value where it is a list, a tuple or a set, else an empty list. Of a set the order is not told."""
    return tuple(cast("Iterable[Any]", value)) if isinstance(value, list | tuple | set | frozenset) else ()


def members(thing: Any) -> dict[str, Any]:  # Any: as above
    """What an object, class or module holds itself; nothing where it cannot be asked."""
    try:
        return dict(cast("dict[str, Any]", vars(thing)))
    except OF_THE_APP:
        return {}


def _inner(thing: Any) -> Any:  # Any: as above
    try:
        if isinstance(thing, functools.partial | functools.partialmethod):
            return thing.func
        if isinstance(thing, staticmethod | classmethod) or inspect.ismethod(thing):
            return cast("Any", thing).__func__
        own: Any = getattr(thing, "__dict__", {})
        return next((own[name] for name in WRAPPED if name in own), None)
    except OF_THE_APP:
        return None


def module_name(thing: Any) -> str:  # Any: as above
    """The import name of the module it is defined in."""
    return import_name(_text(thing, "__module__") or _text(type(thing), "__module__") or "builtins")


def import_name(name: str) -> str:
    """The name under which a module is imported: of `__main__` the name it was started by, else its file's stem."""
    if name != "__main__":
        return name
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return Path(getattr(main, "__file__", None) or "main").stem


def element_id(thing: Any) -> str:  # Any: as above
    """`module.qualname`; of lambdas and functions in functions `module.qualname:L<line>`."""
    target = unwrapped(thing)
    qualname = _text(target, "__qualname__") or _text(type(target), "__qualname__") or "object"
    name = f"{module_name(target)}.{qualname.replace('.<locals>', '').replace('<lambda>', 'lambda')}"
    if "<" not in qualname:
        return name
    line = location(target)[1]
    return f"{name}:L{line}" if line is not None else name


def private_part(identifier: str) -> str | None:
    """The first part of a dotted id that Python's custom calls private; None where it is all public."""
    parts = identifier.split("@")[0].split(".")
    return next((part for part in parts if part.startswith("_") and not part.startswith("__")), None)


def location(thing: Any) -> tuple[str | None, int | None]:  # Any: as above
    """File and line where it is defined, where there is a source."""
    target = unwrapped(thing)
    try:
        code = getattr(target, "__code__", None)
        if code is not None:
            return code.co_filename, code.co_firstlineno
        file = inspect.getsourcefile(target)
        return file, _class_line(target, file)
    except OF_THE_APP:
        return None, None


def _class_line(target: type[Any], file: str | None) -> int | None:
    """Where a class begins, with its decorators.

    Not by `inspect.findsource`, which parses: before Python 3.13 CPython counts the depth of syntax trees for all threads
    together, and an app that parses meanwhile would get a SystemError.
    """
    known: int | None = vars(target).get("__firstlineno__")
    if known is not None or file is None:
        return known
    lines = linecache.getlines(file)
    begins = re.compile(rf"(\s*)class\s+{re.escape(target.__name__)}\b")
    found = [(len(match[1]), index) for index, line in enumerate(lines) if (match := begins.match(line))]
    if not found:
        return None
    first = min(_first_lines(target), default=0)
    line = max((index for _, index in found if index < first), default=min(found)[1])
    while line > 0 and lines[line - 1].lstrip().startswith("@"):
        line -= 1
    return line + 1


def _first_lines(target: type[Any]) -> Iterator[int]:
    """The lines of the functions that are written in a class."""
    for member in tuple(vars(target).values()):
        function = unwrapped(member)
        if (_text(function, "__qualname__") or "").rpartition(".")[0] == target.__qualname__:
            code: Any = attribute(function, "__code__")
            if code is not None:
                yield code.co_firstlineno


def relative(file: str | None, root: Path) -> str | None:
    """The path from the project root with `/`, where it lies inside; else as it is."""
    return None if file is None or file.startswith("<") else _relative(file, root)


@functools.lru_cache(maxsize=4_096)
def _relative(file: str, root: Path) -> str:
    try:
        return Path(file).resolve().relative_to(root).as_posix()
    except (ValueError, OSError):
        return file


def documentation(thing: Any) -> tuple[str | None, str | None]:  # Any: as above
    """Title and description from the docstring: its first paragraph as one line, and the rest."""
    target = unwrapped(thing)
    try:
        own = vars(target).get("__doc__") if isinstance(target, type) else target.__doc__
        inherited = not isinstance(target, type) and own == type(target).__doc__
    except OF_THE_APP:
        return None, None
    return paragraphs(str.__str__(own)) if isinstance(own, str) and not inherited else (None, None)


def paragraphs(text: str) -> tuple[str | None, str | None]:
    """The first paragraph as one line, and the rest."""
    title, _, rest = inspect.cleandoc(text).strip().partition("\n\n")
    return " ".join(title.split()) or None, rest.strip() or None
