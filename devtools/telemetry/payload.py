"""Turns any Python value into bounded, masked text, by value and without ever raising. The recorder guards all free text with it.

What cannot be kept is replaced by one placeholder in square brackets; its neighbours stay unharmed.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from time import perf_counter_ns
from types import GeneratorType
from typing import Any, NamedTuple, cast

import msgspec

from devtools.telemetry.masking import (
    MARK,
    OVERLAP,
    Rules,
    cut,
    is_id_name,
    is_plainly_clean,
    is_secret_name,
    mask_text,
)
from devtools.telemetry.values import (
    MAX_ITEMS,
    Listed,
    Named,
    integer,
    key_text,
    number,
    reader_of,
    unprintable,
)

MAX_DEPTH = 6
MAX_NODES = 2_000
"""Values looked at in one payload: what keeps a wide and deep one under its 5 ms."""
MAX_NS = 50_000_000
"""Time after which no further value is read by the app's own code: more than a busy machine keeps a thread waiting."""
MAX_KEY_BYTES = 200
_NODES_KEPT = 20
_BYTES_KEPT = 300
"""What is laid aside for each sibling."""

TOO_DEEP = f"[deeper than {MAX_DEPTH} levels]"
CYCLE = "[cycle]"
TOO_LONG = "[not read: the record took too long]"
CUT = "[cut: the record is too large]"

_CLEAN_LENGTH = 256
_CLEAN_COUNT = 2_048

_LARGEST = 2**63 - 1
_encode = msgspec.json.encode
_type: Callable[[object], Any] = type  # Any: pyright would narrow it to an unknown type


class Key(NamedTuple):
    """What is known of one key of a mapping."""

    name: str
    is_secret: bool
    is_id: bool


class PayloadGuard:
    """Bounds and masks what is captured. Sizes in bytes of UTF-8. `names` are masked beside the built-in ones.

    `allow` may keep what would be masked: it is asked with the name, or with the text that matched. `literals` are masked always.
    """

    def __init__(
        self,
        *,
        max_text_bytes: int = 8_192,
        max_record_bytes: int = 65_536,
        names: Iterable[str] = (),
        allow: Callable[[str], bool] | None = None,
        literals: Iterable[str] = (),
    ) -> None:
        self.max_text_bytes = max_text_bytes
        self.max_record_bytes = max_record_bytes
        self.rules = Rules.of(names, allow, max_text_bytes, literals)
        self.clean: set[str] = set()
        """Short texts that were found to need nothing. Read by the hot path before it calls `text`."""
        self.keys: dict[str, Key] = {}
        """Short keys that were seen before."""

    def text(self, value: str, limit: int | None = None) -> str:
        """The text, masked and no longer than `limit` bytes (default `max_text_bytes`). Never raises."""
        if limit is None and type(value) is str:
            if len(value) <= _CLEAN_LENGTH and value in self.clean:
                return value
            if len(value) <= _CLEAN_LENGTH and value.isascii() and is_plainly_clean(value):
                for literal in self.rules.literals:
                    if literal in value:
                        break
                else:
                    return self._remember(value)
        return self.slow_text(value, limit or self.max_text_bytes)

    def slow_text(self, value: str, limit: int, *, cards: bool = True) -> str:
        """`text` without its short cuts. Without `cards`, digits are taken for an id or a time."""
        try:
            total = str.__len__(value)
            head = str.__getitem__(value, slice(0, limit + OVERLAP))
            guarded = mask_text(storable_text(head), self.rules, cards=cards, end=limit)
            if total > limit or len(guarded.encode()) > limit:
                return cut(guarded, total, limit)
            return self._remember(guarded) if cards and guarded == head else guarded
        except BaseException as error:
            return unprintable(value, error)

    def json(self, value: object) -> str | None:
        """The value as bounded, masked JSON; text as it is (see `text`); None stays None. Never raises."""
        if value is None:
            return None
        if type(value) is str:
            return self.text(value)
        try:
            for size in (self.max_record_bytes, self.max_record_bytes // 4, self.max_record_bytes // 16):
                encoded = _encode(_Walk(self, size).copy(value, 0))
                if len(encoded) <= self.max_record_bytes:
                    return encoded.decode()
            return _encode(CUT).decode()
        except BaseException as error:
            return _encode(unprintable(value, error)).decode()

    def json_text(self, text: str) -> str:
        """Text that already is JSON, bounded and masked as `json` does; text that is not JSON, as `text` does."""
        if len(text) <= 4 * self.max_record_bytes:
            try:
                decoded = msgspec.json.decode(text)
            except (ValueError, RecursionError):
                return self.text(text, self.max_record_bytes)
            if not isinstance(decoded, str):
                return self.json(decoded) or "null"
        return self.text(text, self.max_record_bytes)

    def _remember(self, text: str) -> str:
        if len(text) <= _CLEAN_LENGTH:
            if len(self.clean) >= _CLEAN_COUNT:
                self.clean.clear()
            self.clean.add(text)
        return text


def storable_text(text: str) -> str:
    """Without what some database refuses: NUL and lone surrogates."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "␀") if "\0" in text else text


def storable(value: Any) -> Any:  # Any: JSON
    """JSON with every text in it made storable."""
    match value:
        case str():
            return storable_text(value)
        case list() | tuple():
            return [storable(each) for each in cast("Sequence[Any]", value)]
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {storable_text(name): storable(each) for name, each in pairs}
        case _:
            return value


class _Walk:
    """One copy of one value into plain JSON values, within a budget of bytes and of values."""

    __slots__ = ("ends", "guard", "left", "nodes", "open", "rules")

    def __init__(self, guard: PayloadGuard, size: int) -> None:
        self.guard = guard
        self.rules = guard.rules
        self.left = size
        self.nodes = MAX_NODES
        self.open: set[int] = set()
        self.ends = perf_counter_ns() + MAX_NS

    def copy(self, value: Any, depth: int, *, cards: bool = True) -> Any:  # Any: plain JSON values
        """The value as plain JSON values; a placeholder where it cannot be had."""
        self.nodes -= 1
        kind = _type(value)
        if kind is str:
            return self.text(value, cards)
        self.left -= 8
        if value is None or kind is bool:
            return value
        try:
            if kind is int:
                return integer(value)
            if kind is float:
                return number(value)
            return self.read(value, depth, cards)
        except BaseException as error:
            return unprintable(value, error)

    def read(self, value: Any, depth: int, cards: bool) -> Any:
        """A value that is no plain scalar."""
        kind = _type(value)
        if kind not in _OURS_TO_READ and perf_counter_ns() > self.ends:
            return TOO_LONG
        identity = id(value)
        if identity in self.open:
            return CYCLE
        found = reader_of(kind)(value)
        if isinstance(found, str):
            return self.text(found, cards)
        if not isinstance(found, Named | Listed):
            return found
        if depth >= MAX_DEPTH:
            return TOO_DEEP
        self.open.add(identity)
        try:
            if isinstance(found, Named):
                return self.named(found, depth)
            return self.listed(found, depth)
        finally:
            self.open.discard(identity)

    def text(self, value: str, cards: bool) -> str:
        """A text within what is left."""
        guard = self.guard
        limit = min(guard.max_text_bytes, max(64, self.left))
        is_usual = cards and limit == guard.max_text_bytes
        guarded = guard.text(value) if is_usual else guard.slow_text(value, limit, cards=cards)
        self.left -= (len(guarded) if guarded.isascii() else len(guarded.encode())) + 3
        return guarded

    def named(self, found: Named, depth: int) -> dict[str, Any]:
        """Named values; those with a secret name are hidden."""
        copied: dict[str, Any] = {}
        known = self.guard.keys
        pairs = self.taken(found.pairs)
        nodes, size = self.reserve(len(pairs))
        for key, value in pairs:
            self.nodes += nodes
            self.left += size
            if self.nodes <= 0 or self.left <= 0:
                copied["…"] = CUT
                return copied
            kind = _type(value)
            name, is_secret, is_id = (known.get(key) if type(key) is str else None) or self.key(key)
            self.left -= len(name) + 4
            while name in copied:
                name += "'"
            if is_secret and kind not in _NEVER_SECRET:
                copied[name] = MARK
            elif kind is int and -_LARGEST <= value <= _LARGEST:
                self.left -= 8
                copied[name] = value
            else:
                copied[name] = self.copy(value, depth + 1, cards=not is_id)
        if found.total is not None and found.total > MAX_ITEMS:
            copied["…"] = f"[{found.total - MAX_ITEMS:,} more]"
        return copied

    def taken(self, pairs: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        """The first pairs; of those that the app's code makes one by one, as many as there is time for."""
        kind: object = _type(pairs)
        if kind is not GeneratorType:
            return list(islice(pairs, MAX_ITEMS))
        found: list[tuple[Any, Any]] = []
        for pair in islice(pairs, MAX_ITEMS):
            found.append(pair)
            if perf_counter_ns() > self.ends:
                found.append(("…", TOO_LONG))
                break
        return found

    def reserve(self, count: int) -> tuple[int, int]:
        """Lay aside a share for each of so many siblings, so that a large one leaves something to those after it."""
        if count < 2:
            return 0, 0
        nodes = min(_NODES_KEPT, self.nodes // (2 * count))
        size = max(0, min(_BYTES_KEPT, self.left // (2 * count)))
        self.nodes -= nodes * count
        self.left -= size * count
        return nodes, size

    def key(self, key: Any) -> Key:
        """The name of a value, whatever the type of the key."""
        guard = self.guard
        text = key if type(key) is str else key_text(key)
        known = Key(
            guard.text(text, None if len(text) <= 50 else MAX_KEY_BYTES),
            is_secret_name(text, self.rules),
            is_id_name(text[:MAX_KEY_BYTES]),
        )
        if len(text) <= 50:
            if len(guard.keys) >= _CLEAN_COUNT:
                guard.keys.clear()
            guard.keys[text] = known
        return known

    def listed(self, found: Listed, depth: int) -> list[Any]:
        """A list; of a pair that begins with a secret name, as headers are, the second part is hidden."""
        values = list(islice(found.values, MAX_ITEMS))
        if len(values) == 2 and isinstance(values[0], str | bytes) and isinstance(values[1], str | bytes):
            name = key_text(values[0])
            if is_secret_name(name, self.rules):
                return [self.text(name, cards=True), MARK]
        copied: list[Any] = []
        nodes, size = self.reserve(len(values))
        for value in values:
            self.nodes += nodes
            self.left += size
            if self.nodes <= 0 or self.left <= 0:
                copied.append(CUT)
                return copied
            copied.append(self.copy(value, depth + 1))
        if found.total is not None and found.total > MAX_ITEMS:
            copied.append(f"[{found.total - MAX_ITEMS:,} more]")
        return copied


_OURS_TO_READ = frozenset({dict, list, tuple, set, frozenset, bytes})
_NEVER_SECRET = (type(None), bool, float)
