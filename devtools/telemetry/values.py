"""How a Python value is read: as one plain value, as names with values, or as a list. Knows types, not limits or secrets.

Called by the payload guard, which bounds and masks what comes out. Nothing here iterates an iterator, and the methods of built-in
types are called on the type, so that a subclass cannot answer in their place.
"""

import array
import datetime
import decimal
import enum
import fractions
import math
import pathlib
import sys
import traceback
import types
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import is_dataclass
from itertools import islice
from typing import Any, NamedTuple, cast

import msgspec

MAX_ITEMS = 50
"""Members read of one value; the rest is counted."""
MAX_TEXT = 64_000
"""Characters taken of what `str` and `repr` answer."""
LONGEST_INTEGER_BITS = 512
"""Larger integers are not written out: the cost grows with the square of their length."""
_BYTES_SHOWN = 512
_US = str(pathlib.Path(__file__).resolve().parents[1])
"""The directory of this package."""
_DICT: Any = dict  # Any: pyright does not know the element types of unbound methods
_LIST: Any = list
_TUPLE: Any = tuple

Plain = str | int | float | bool | None


class Named(NamedTuple):
    """A value with named parts: a mapping, an object. `total` is unknown where asking for it failed."""

    pairs: Iterable[tuple[Any, Any]]  # Any: the app's keys and values
    total: int | None


class Listed(NamedTuple):
    """A value with parts in a row."""

    values: Iterable[Any]  # Any: the app's values
    total: int | None


Reader = Callable[[Any], Plain | Named | Listed]  # Any: the app's value


def reader_of(kind: Any) -> Reader:  # Any: a type
    """How values of this type are read."""
    found = _readers.get(kind)
    if found is None:
        found = _choose(kind)
        if len(_readers) > 2_000:
            _readers.clear()
        _readers[kind] = found
    return found


def unprintable(value: object, error: BaseException) -> str:
    """The placeholder of a value that raised while it was read."""
    return f"[unprintable {type(value).__name__[:100]}: {type(error).__name__[:100]}]"


def qualified_name(kind: type) -> str:
    """`module.Class`; builtins without their module."""
    module = getattr(kind, "__module__", None)
    return kind.__qualname__ if module in (None, "builtins") else f"{module}.{kind.__qualname__}"


def exception_text(error: BaseException) -> str:
    """The message of an exception, empty where it has none. Never raises."""
    try:
        return str.__getitem__(str(error), slice(0, MAX_TEXT))
    except BaseException as failure:
        return unprintable(error, failure)


def stack_of(error: BaseException, limit: int = 50) -> str:
    """The innermost frames of an exception as text, ours left out, without its message and causes. Never raises."""
    try:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(_US)]
        return "".join(traceback.format_list(own[-limit:]))
    except BaseException as failure:
        return unprintable(error, failure)


def stack_above(frame: types.FrameType, limit: int = 50) -> str:
    """The innermost of a frame and those that called it as text, outermost first, ours left out."""
    own = (each for each in frames_above(frame) if not each.f_code.co_filename.startswith(_US))
    walked = [(each, each.f_lineno) for each in islice(own, limit)]
    return "".join(traceback.StackSummary.extract(reversed(walked)).format())


def frames_above(frame: types.FrameType) -> Iterator[types.FrameType]:
    """A frame and those that called it, also where a greenlet stands between: SQLAlchemy runs queries in one for asyncio."""
    greenlet: Any = sys.modules.get("greenlet")  # Any: only there where the app uses it
    inside: Any = None if greenlet is None else greenlet.getcurrent()
    above: types.FrameType | None = frame
    while above is not None:
        yield above
        above = above.f_back
        while above is None and inside is not None:
            inside = inside.parent
            above = None if inside is None else inside.gr_frame


def integer(value: int) -> int | str:
    """An integer that every database and JSON parser can hold, else its digits as text."""
    bits = int.bit_length(value)
    if bits <= 63:
        return int.__add__(value, 0)
    return int.__repr__(value) if bits <= LONGEST_INTEGER_BITS else f"[integer of {bits:,} bits]"


def number(value: float) -> float | str:
    """A finite float, else its name."""
    plain = float.__add__(value, 0.0)
    return plain if math.isfinite(plain) else f"[{plain}]"


def key_text(key: Any) -> str:  # Any: the app's key
    """A key of a mapping as text. Never raises."""
    try:
        if isinstance(key, str):
            return str.__getitem__(key, slice(0, MAX_TEXT))
        if isinstance(key, bytes):
            return bytes.__getitem__(key, slice(0, _BYTES_SHOWN)).decode("latin-1")
        if isinstance(key, int):
            return str(integer(key))
        if type(key) is tuple:
            return _tuple_text(key)
        return _anything(key)
    except BaseException as error:
        return unprintable(cast("object", key), error)


def _tuple_text(key: Any) -> str:
    shown = ", ".join(key_text(part) for part in key[:5])
    return f"({shown}, …)" if len(key) > 5 else f"({shown})"


def _dict(value: dict[Any, Any]) -> Named:
    total = _DICT.__len__(value)
    items = _DICT.items(value)
    # A copy of a small one: another thread may change the app's dict while it is read.
    return Named(list(items) if total <= 4 * MAX_ITEMS else islice(items, MAX_ITEMS), total)


def _list(value: list[Any]) -> Listed:
    return Listed(_LIST.__getitem__(value, slice(0, MAX_ITEMS)), _LIST.__len__(value))


def _tuple(value: tuple[Any, ...]) -> Named | Listed:
    total = _TUPLE.__len__(value)
    names: Any = getattr(type(value), "_fields", None)
    if type(names) is tuple and _TUPLE.__len__(names) == total:
        return Named(zip(_TUPLE.__iter__(names), _TUPLE.__iter__(value), strict=False), total)
    return Listed(_TUPLE.__getitem__(value, slice(0, MAX_ITEMS)), total)


def _mapping(value: Mapping[Any, Any]) -> Named:
    keys = list(islice(iter(value.keys()), MAX_ITEMS))
    return Named(((key, _item(value, key)) for key in keys), _length(value))


def _item(value: Mapping[Any, Any], key: Any) -> Any:
    try:
        return value[key]
    except BaseException as error:
        return unprintable(value, error)


def _iterable(value: Iterable[Any]) -> Listed:
    return Listed(list(islice(iter(value), MAX_ITEMS)), _length(value))


def _counted(value: object) -> str:
    total = _length(value)
    name = type(value).__name__[:100]
    return f"[{name}]" if total is None else f"[{name} of {total:,} items]"


def _length(value: Any) -> int | None:
    try:
        return len(value)
    except BaseException:
        return None


def _object(names_of: Callable[[Any], Iterable[str]]) -> Reader:
    def read(value: Any) -> Named:
        names = tuple(names_of(type(value)))
        return Named(((name, _attribute(value, name)) for name in names[:MAX_ITEMS]), len(names))

    return read


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name)
    except BaseException as error:
        return unprintable(value, error)


def _attributes(value: object) -> Named:
    return _dict(object.__getattribute__(value, "__dict__"))


def _bytes(value: bytes | bytearray) -> str:
    base: Any = bytes if isinstance(value, bytes) else bytearray
    total: int = base.__len__(value)
    head = bytes(base.__getitem__(value, slice(0, _BYTES_SHOWN)))
    try:
        shown = head.decode()
    except UnicodeDecodeError as error:
        cut_in_character = len(head) < total and error.start >= len(head) - 3
        shown = head.decode(errors="ignore") if cut_in_character else head[:64].hex(" ")
    return (
        shown
        if total <= 64 or (total == len(head) and shown.isprintable())
        else f"{shown}… [{total:,} bytes]"
    )


def _enum(value: enum.Enum) -> Listed | Named | Plain:
    inner: Any = object.__getattribute__(value, "_value_")
    return None if inner is None else reader_of(type(inner))(inner)


def _exception(value: BaseException) -> Named:
    parts = [("type", qualified_name(type(value))), ("message", exception_text(value))]
    if value.__traceback__ is not None:
        parts.append(("stack", stack_of(value)))
    return Named(parts, len(parts))


def _thing_with_name(value: Any) -> str:
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or value.__name__
    return f"{module}.{name}" if isinstance(module, str) and module != "builtins" else str(name)


def _iterator(value: object) -> str:
    name = getattr(value, "__qualname__", "")
    return f"[{type(value).__name__} {name}]" if name else f"[{type(value).__name__}]"


def _same(value: Any) -> Any:
    return value


def _text(value: object) -> str:
    return str.__getitem__(str(value), slice(0, MAX_TEXT))


def _anything(value: object) -> str:
    return str.__getitem__(repr(value), slice(0, MAX_TEXT))


_BUILT_IN: tuple[tuple[type | tuple[type, ...], Reader], ...] = (
    (enum.Enum, _enum),
    (str, _same),
    ((bool, type(None)), _same),
    (int, integer),
    (float, number),
    ((bytes, bytearray), _bytes),
    (memoryview, lambda value: f"[memoryview of {value.nbytes:,} bytes]"),
    (dict, _dict),
    (list, _list),
    (tuple, _tuple),
    ((datetime.date, datetime.time), lambda value: value.isoformat()),
    ((uuid.UUID, decimal.Decimal, fractions.Fraction, datetime.timedelta, pathlib.PurePath, complex), _text),
    (BaseException, _exception),
    (
        (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType),
        _thing_with_name,
    ),
)
_BY_PROTOCOL: tuple[tuple[type | tuple[type, ...], Reader], ...] = (
    ((Iterator, types.CoroutineType, types.AsyncGeneratorType), _iterator),
    (types.SimpleNamespace, _attributes),
    (types.MappingProxyType, _mapping),
    ((set, frozenset, deque, array.array, range), _iterable),
)
_COLLECTIONS: tuple[tuple[type, Reader], ...] = ((Mapping, _mapping), (Sequence, _iterable), (Set, _iterable))
_QUICK = frozenset(
    {
        "collections",
        "os",
        "types",
        "starlette",
        "multidict",
        "werkzeug",
        "httpx",
        "yarl",
        "sqlalchemy",
        "frozendict",
    }
)
"""Packages whose collections are read. Reading one of the app's own could cost a query for each item."""
_BY_MARK: tuple[tuple[str, Reader], ...] = (
    ("__attrs_attrs__", _object(lambda kind: [field.name for field in kind.__attrs_attrs__])),
    ("__pydantic_fields__", _attributes),
    ("model_fields", _attributes),
)

_readers: dict[type, Reader] = {}


def _choose(kind: Any) -> Reader:  # Any: asked for marks of several libraries
    for base, reader in _BUILT_IN:
        if issubclass(kind, base):
            return reader
    if issubclass(kind, msgspec.Struct):
        return _object(lambda found: found.__struct_fields__)
    if is_dataclass(kind):
        return _object(lambda found: found.__dataclass_fields__)
    for mark, reader in _BY_MARK:
        if hasattr(kind, mark):
            return reader
    for base, reader in _BY_PROTOCOL:
        if issubclass(kind, base):
            return reader
    for base, reader in _COLLECTIONS:
        if issubclass(kind, base):
            return reader if str(kind.__module__).partition(".")[0] in _QUICK else _counted
    return _anything
