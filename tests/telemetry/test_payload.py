"""The payload guard: any value, bounded and masked, by value, never raising."""

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import itertools
import json
import pathlib
import time
import types
import uuid

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from devtools.telemetry import payload
from devtools.telemetry.payload import CUT, CYCLE, MAX_DEPTH, MAX_NODES, TOO_LONG, PayloadGuard
from devtools.telemetry.values import MAX_ITEMS


@pytest.fixture
def guard() -> PayloadGuard:
    return PayloadGuard()


@pytest.fixture(autouse=True)
def plenty_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may keep this thread waiting in the middle of a value."""
    monkeypatch.setattr(payload, "MAX_NS", 60_000_000_000)


def read(guard: PayloadGuard, value: object) -> object:
    text = guard.json(value)
    assert text is not None
    return json.loads(text)


class Colour(enum.Enum):
    red = "red"


class Struct(msgspec.Struct):
    name: str
    password: str


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Pair(collections.namedtuple("Pair", "left right")):
    pass


def test_text_passes_and_null_stays_null(guard):
    """A string is a message already; None has nothing to say."""
    assert guard.json("hello") == "hello"
    assert guard.json(None) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1, "b": [True, None, 1.5]}, {"a": 1, "b": [True, None, 1.5]}),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Struct("n", "hunter2"), {"name": "n", "password": "[masked]"}),
        (Pair(1, 2), {"left": 1, "right": 2}),
        (Colour.red, "red"),
        ({Colour.red: 1}, None),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "2026-01-02T00:00:00+00:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (decimal.Decimal("1.50"), "1.50"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (b"bytes", "bytes"),
        (collections.deque([1, 2]), [1, 2]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (array.array("i", [1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        (frozenset({1}), [1]),
        (2**63 - 1, 2**63 - 1),
        (2**64, str(2**64)),
        (float("nan"), "[nan]"),
        (float("-inf"), "[-inf]"),
        (itertools.count(), "[count]"),
        (test_text_passes_and_null_stays_null, None),
    ],
)
def test_each_kind_of_value(guard, value, expected):
    """Values become the JSON one would expect."""
    found = read(guard, {"value": value})["value"]
    assert found == expected if expected is not None else found


def test_an_exception_becomes_type_message_and_stack(guard):
    """With the frames of the app."""
    try:
        raise ValueError("no stock")
    except ValueError as error:
        found = read(guard, {"error": error})["error"]
    assert (found["type"], found["message"]) == ("ValueError", "no stock")
    assert "test_an_exception_becomes" in found["stack"]


def test_an_object_like_those_of_pydantic(guard):
    """Its fields are read, its methods are not called."""

    class Model:
        model_fields = {"a": None}

        def __init__(self) -> None:
            self.a = 1

        def model_dump(self) -> dict:
            raise AssertionError("called")

    assert read(guard, {"m": Model()}) == {"m": {"a": 1}}


def test_the_value_is_taken_now(guard):
    """A later change does not change what was captured."""
    value = {"items": [1]}
    text = guard.json(value)
    value["items"].append(2)
    assert json.loads(text) == {"items": [1]}


def test_depth_items_and_cycles_are_marked(guard):
    """Six levels, fifty items and how many more, no way round a cycle."""
    deep: object = 1
    for _ in range(20):
        deep = {"d": deep}
    assert guard.json(deep).count('"d"') == MAX_DEPTH
    many = read(guard, {"list": list(range(60)), "dict": {str(number): number for number in range(60)}})
    assert many["list"][MAX_ITEMS] == "[10 more]"
    assert many["dict"]["…"] == "[10 more]"
    cycle: list = []
    cycle.append(cycle)
    assert read(guard, {"c": cycle}) == {"c": [CYCLE]}
    shared = [1]
    assert read(guard, {"a": shared, "b": shared}) == {"a": [1], "b": [1]}


def test_secrets_by_name_in_pairs_and_in_text(guard):
    """Mappings, header lists and free text."""
    text = guard.json(
        {
            "password": {"nested": "planted"},
            "headers": [(b"Authorization", b"planted"), ["cookie", "planted"]],
            "text": "api_key=planted",
            b"token": "planted",
            "Bearer planted0": 1,
            "pin": None,
        }
    )
    assert "planted" not in text


def test_literals_are_masked_wherever_they_stand():
    """In texts short and long, keys, lists, JSON text and bytes; also where the callback would keep them."""
    guard = PayloadGuard(literals=["0wnT0ken_planted"], allow=lambda text: True)
    for text in ("0wnT0ken_planted", "a 0wnT0ken_planted b " * 40, "é0wnT0ken_planted"):
        assert "planted" not in guard.text(text)
    value = {"0wnT0ken_planted": "0wnT0ken_planted", "l": [b"0wnT0ken_planted", {"k": ("0wnT0ken_planted",)}]}
    for _ in range(2):
        assert "planted" not in guard.json(value)
    assert "planted" not in guard.json_text('{"a": "x0wnT0ken_planted"}')
    for length in range(8_150, 8_200):
        assert "plan" not in guard.text("=" * length + "0wnT0ken_planted" + "x" * 2_000)


def test_digits_under_an_id_are_no_card(guard):
    """The same digits: an order id stays, a card goes."""
    found = read(
        guard, {"order_id": "4111111111111111", "card": "4111111111111111", "total": 4111111111111111}
    )
    assert found == {"order_id": "4111111111111111", "card": "[masked]", "total": 4111111111111111}


def _raising(method: str, exception: type[BaseException]) -> object:
    def fail(*_: object) -> None:
        raise exception("planted")

    return type("Hostile", (), {method: fail})()


class HostileMapping(collections.abc.Mapping):
    def __getitem__(self, key: object) -> object:
        raise SystemExit

    def __iter__(self):
        return iter(["a", "b"])

    def __len__(self) -> int:
        raise KeyboardInterrupt


class EndlessMapping(HostileMapping):
    def __iter__(self):
        return itertools.count()

    def __getitem__(self, key: object) -> object:
        return 1


class HostileDict(dict):
    def items(self):
        raise SystemExit

    __iter__ = __len__ = keys = items


class HostileStr(str):
    __slots__ = ()

    def __hash__(self) -> int:
        raise SystemExit

    def __eq__(self, other: object) -> bool:
        raise SystemExit

    def __str__(self) -> str:
        raise SystemExit

    __len__ = __getitem__ = encode = isascii = __hash__


class HostileMeta(type):
    def __hash__(cls) -> int:
        raise SystemExit

    def __instancecheck__(cls, instance: object) -> bool:
        raise SystemExit


class OfHostileMeta(metaclass=HostileMeta):
    pass


class RaisingProperty:
    __slots__ = ()
    __dataclass_fields__ = {"a": None}

    @property
    def a(self) -> int:
        raise SystemExit


class Weird(Exception):
    def __str__(self) -> str:
        raise SystemExit


HOSTILE = {
    "repr": _raising("__repr__", SystemExit),
    "repr keyboard": _raising("__repr__", KeyboardInterrupt),
    "class": _raising("__getattribute__", SystemExit),
    "mapping": HostileMapping(),
    "endless mapping": EndlessMapping(),
    "dict": HostileDict(a=1),
    "str": HostileStr("text"),
    "metaclass": OfHostileMeta(),
    "property": RaisingProperty(),
    "exception": Weird(),
    "huge integer": 10**5_000,
    "huger integer": 1 << 10_000_000,
    "huge text": "x" * 100_000_000,
    "huge bytes": bytes(100_000_000),
    "huge bytearray": bytearray(50_000_000),
    "huge list": [1] * 12_000_000,
    "nul": "a\0b",
    "surrogate": "a\ud800b",
    "nan": float("nan"),
    "count": itertools.count(),
    "repeat": itertools.repeat(1),
    "generator": (number for number in itertools.count()),
    "wide": {
        f"k{i}": {f"j{j}": {f"l{k}": list(range(50)) for k in range(50)} for j in range(50)} for i in range(5)
    },
    "long key": {"k" * 1_000_000: 1, ("t",) * 1_000_000: 2},
    "exploding key": {HostileStr.__mro__[1]("fine"): 1},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_is_one_placeholder(guard, name):
    """Its neighbours stay unharmed, and the record stays small."""
    text = guard.json({"before": "b", "hostile": HOSTILE[name], "after": "a"})
    found = json.loads(text)
    assert (found["before"], found["after"]) == ("b", "a")
    assert "hostile" in found
    assert len(text.encode()) <= 65_536
    assert "\0" not in text
    text.encode()


def test_a_wide_and_deep_value_is_read_in_part(guard):
    """However much hangs on it: what is looked at is counted, so that the app does not wait."""
    read: list[int] = []

    class Leaf:
        def __repr__(self) -> str:
            read.append(1)
            return "leaf"

    guard.json([[[Leaf() for _ in range(50)] for _ in range(50)] for _ in range(50)])
    assert 0 < len(read) <= MAX_NODES


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_alone(guard, name):
    """Also as the whole payload."""
    text = guard.json(HOSTILE[name])
    assert len(text.encode()) <= 65_536


class SlowSequence(collections.abc.Sequence):
    """Every item costs a query."""

    read = 0

    def __getitem__(self, index: int) -> int:
        SlowSequence.read += 1
        return index

    def __len__(self) -> int:
        return 1_000


class SlowMapping(collections.abc.Mapping):
    def __getitem__(self, key: object) -> object:
        SlowSequence.read += 1
        return key

    def __iter__(self):
        return iter(SlowSequence())

    def __len__(self) -> int:
        return 1_000


def test_sequences_and_mappings_of_the_app_are_named_and_counted(guard):
    """Reading one could cost a query for each item. Those of well-known libraries are read."""
    found = read(
        guard, {"s": SlowSequence(), "m": SlowMapping(), "u": collections.UserDict(password="planted", a=1)}
    )
    assert SlowSequence.read == 0
    assert found == {
        "s": "[SlowSequence of 1,000 items]",
        "m": "[SlowMapping of 1,000 items]",
        "u": {"password": "[masked]", "a": 1},
    }
    headers = Headers({"accept": "text/html", "cookie": "planted"})
    assert read(guard, {"h": headers}) == {"h": {"accept": "text/html", "cookie": "[masked]"}}


def test_what_takes_long_ends_soon(guard, monkeypatch):
    """Many slow values of the app cost one of them, not all; what was read before them stays."""
    monkeypatch.setattr(payload, "MAX_NS", 50_000_000)

    asked: list[str] = []

    class Slow:
        def __repr__(self) -> str:
            asked.append("text")
            time.sleep(0.1)
            return "slow"

    class SlowFields:
        __dataclass_fields__ = {f"field{number}": None for number in range(50)}

        def __getattr__(self, name: str) -> int:
            asked.append(name)
            time.sleep(0.1)
            return 1

    found = read(guard, {"before": "b", "slow": [Slow() for _ in range(50)], "after": {"a": [1]}})
    assert found["before"] == "b"
    assert found["slow"][0] == "slow"
    assert TOO_LONG in found["slow"]
    assert asked == ["text"]
    assert TOO_LONG in read(guard, SlowFields()).values()
    assert asked == ["text", "field0"]


def test_texts_are_bounded_in_bytes():
    """8 KB of UTF-8, whatever the characters; the end says how long it was."""
    guard = PayloadGuard(max_text_bytes=100)
    for text in ("x" * 1_000, "é" * 1_000, "😀" * 1_000, "x" * 99 + "é"):
        kept = guard.text(text)
        assert len(kept.encode()) <= 100
        assert "cut: 1,000" in kept or len(text) == 100
    assert guard.text("x" * 100) == "x" * 100


def test_a_secret_across_the_cut_does_not_show():
    """What is cut is looked at beyond the cut."""
    guard = PayloadGuard(max_text_bytes=100)
    text = "x" * 60 + " Bearer " + "planted" * 20
    assert "planted" not in guard.text(text)


def test_records_are_bounded():
    """64 KB a record, even where escapes and wide characters double the size."""
    guard = PayloadGuard()
    for piece in ("x", "\n", "é", "\x01", '"', "😀"):
        text = guard.json({f"key{number}": piece * 8_000 for number in range(50)})
        assert len(text.encode()) <= 65_536
        json.loads(text)
    assert len(read(guard, {f"key{number}": "x" * 8_000 for number in range(50)})) == 50
    assert CUT in guard.json([[["x"] * 50] * 50] * 50)


def test_nul_and_surrogates_are_settled(guard):
    """No database refuses what comes out; pairs of surrogates become their character."""
    assert guard.text("a\0b") == "a␀b"
    guard.text("\ud83d").encode()
    assert guard.text("\ud83d\ude00") == "😀"


def test_json_text_is_guarded_by_name(guard):
    """Text that is JSON already is masked by its names; text that is not is masked as text."""
    assert guard.json_text('{"password": "planted", "a": [1]}') == '{"password":"[masked]","a":[1]}'
    assert "planted" not in guard.json_text('{"password": "planted"')
    assert guard.json_text("null") == "null"


def test_mappings_keep_keys_that_collide_as_text(guard):
    """1 and "1" are two keys."""
    assert sorted(read(guard, {1: "a", "1": "b"}).values()) == ["a", "b"]


def test_remembered_texts_are_bounded():
    """The memory of clean texts does not grow with the app's life."""
    guard = PayloadGuard()
    for number in range(10_000):
        guard.text(f"order {number} placed")
        guard.json({f"key {number}": 1})
    assert len(guard.clean) <= 2_048
    assert len(guard.keys) <= 2_048


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.binary(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=20) | st.integers(), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(JSON_LIKE)
@settings(deadline=None)
def test_any_value_gives_text_that_every_store_holds(value):
    """Valid JSON or text, encodable, without NUL, small; and guarding it again changes nothing."""
    guard = PayloadGuard()
    text = guard.json(value)
    if text is None:
        return
    assert "\0" not in text
    assert len(text.encode()) <= 65_536
    if not isinstance(value, str):
        json.loads(text)
        assert guard.json_text(text) == text


@given(st.text(max_size=400))
@settings(deadline=None)
def test_guarding_text_twice_is_guarding_it_once(text):
    """Also with the memory of clean texts warm."""
    guard = PayloadGuard()
    once = guard.text(text)
    assert guard.text(once) == once
    assert guard.text(text) == once
