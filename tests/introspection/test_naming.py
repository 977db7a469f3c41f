"""Names of objects: the same from start to start, and never an exception, whatever the object."""

import ast
import functools
import gc
import inspect
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from devtools.introspection import naming
from devtools.introspection.own_modules import OwnModules

HERE = __name__


def function() -> None:
    """Buy an
    item.

    Charges the card.
        Indented.
    """


class Service:
    """A service."""

    def method(self) -> None:
        """A method."""

    @classmethod
    def made(cls) -> None: ...

    @staticmethod
    def checked() -> None: ...

    def __call__(self) -> None: ...

    class Inner: ...


class Derived(Service): ...


def decorated(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def outer(*arguments: Any) -> Any:
        return inner(*arguments)

    return outer


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (function, "function"),
        (functools.partial(function), "function"),
        (functools.partial(functools.partial(function)), "function"),
        (functools.partialmethod(function), "function"),
        (decorated(function), "function"),
        (decorated(decorated(function)), "function"),
        (functools.cache(function), "function"),
        (Service, "Service"),
        (Service.Inner, "Service.Inner"),
        (Service().method, "Service.method"),
        (Service.made, "Service.made"),
        (Service.checked, "Service.checked"),
        (vars(Service)["made"], "Service.made"),
        (vars(Service)["checked"], "Service.checked"),
        (Service(), "Service"),
    ],
    ids=range(15),
)
def test_an_id_is_module_and_qualified_name_of_what_is_behind(thing: object, name: str) -> None:
    assert naming.element_id(thing) == f"{HERE}.{name}"


def test_lambdas_and_functions_in_functions_are_told_apart_by_line() -> None:
    def nested() -> None: ...

    first, second = (lambda: 1), lambda: 2

    here = f"{HERE}.test_lambdas_and_functions_in_functions_are_told_apart_by_line"
    line = nested.__code__.co_firstlineno
    assert naming.element_id(nested) == f"{here}.nested:L{line}"
    assert naming.element_id(first) == f"{here}.lambda:L{line + 2}"
    assert naming.element_id(second) == naming.element_id(first)


def test_a_class_in_a_function_has_its_line() -> None:
    class Local: ...

    assert naming.element_id(Local).partition(":")[0].endswith(".Local")
    assert naming.location(Local)[0] == __file__


def test_builtins_have_ids_too() -> None:
    assert naming.element_id(len) == "builtins.len"
    assert naming.element_id(dict) == "builtins.dict"


@pytest.mark.parametrize(
    ("spec", "file", "name"),
    [
        (types.SimpleNamespace(name="shop.__main__"), "/srv/shop/__main__.py", "shop"),
        (types.SimpleNamespace(name="shop.worker"), "/srv/shop/worker.py", "shop.worker"),
        (None, "/srv/tool.py", "tool"),
        (None, None, "main"),
    ],
)
def test_main_is_named_as_it_was_started(
    monkeypatch: pytest.MonkeyPatch, spec: object, file: str | None, name: str
) -> None:
    main = types.ModuleType("__main__")
    main.__spec__ = spec  # type: ignore[assignment] # as much of a spec as is read
    main.__file__ = file
    monkeypatch.setitem(sys.modules, "__main__", main)

    thing = types.FunctionType(function.__code__, {"__name__": "__main__"})

    assert naming.module_name(thing) == name


@pytest.mark.parametrize(
    "thing", [function, Service, Service().method, functools.partial(function), Service()]
)
def test_what_has_a_source_has_a_place(thing: object) -> None:
    file, line = naming.location(thing)

    assert file == __file__
    assert line is not None
    assert line > 1


def test_what_has_no_source_has_no_place() -> None:
    assert naming.location(len) == (None, None)
    assert naming.location(42) == (None, None)


def test_the_first_paragraph_is_the_title_and_the_rest_the_description() -> None:
    assert naming.documentation(function) == ("Buy an item.", "Charges the card.\n    Indented.")
    assert naming.documentation(Service.made) == (None, None)


def test_a_docstring_is_not_inherited_from_a_base_or_a_type() -> None:
    assert naming.documentation(Derived) == (None, None)
    assert naming.documentation(42) == (None, None)
    assert naming.documentation({"a": 1}) == (None, None)


def test_paths_are_relative_inside_the_project_and_whole_outside(tmp_path: Path) -> None:
    inside = tmp_path / "shop" / "orders.py"

    assert naming.relative(str(inside), tmp_path) == "shop/orders.py"
    assert naming.relative("/elsewhere/orders.py", tmp_path) == "/elsewhere/orders.py"
    assert naming.relative("<string>", tmp_path) is None
    assert naming.relative(None, tmp_path) is None


class Raising:
    """Every attribute raises, and not an AttributeError."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class RaisingCallable(Raising):
    def __call__(self) -> None: ...


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no")


class Lying:
    """Answers nonsense for what functions have."""

    __wrapped__: Any
    __module__ = Text("x")
    __qualname__ = "Lying"

    def __init__(self) -> None:
        self.__wrapped__ = self
        self.__qualname__ = 42
        self.__code__ = "code"
        self.__doc__ = 7  # type: ignore[assignment] # as it says

    def __call__(self) -> None: ...


class LazyProxy:
    """What `werkzeug.local` and Django's lazy objects do outside a request."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("working outside of a context")


class Meta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)


class HostileClass(metaclass=Meta): ...


HOSTILE = [
    Raising,
    Raising(),
    RaisingCallable(),
    Lying(),
    LazyProxy(),
    HostileClass,
    mock.MagicMock(),
    mock.Mock(),
    functools.partial(RaisingCallable()),
    None,
    object(),
    42,
    b"",
    types.ModuleType("x"),
]


@pytest.mark.parametrize("index", range(len(HOSTILE)))
def test_whatever_the_object_nothing_is_raised_and_the_name_holds_no_address(index: int) -> None:
    thing = HOSTILE[index]

    identifier = naming.element_id(thing)
    title, description = naming.documentation(thing)
    file, line = naming.location(thing)

    assert identifier
    assert " at 0x" not in identifier
    assert identifier == naming.element_id(thing)
    for text in (title, description, file):
        assert text is None or type(text) is str
    assert line is None or type(line) is int


@pytest.mark.parametrize(
    ("identifier", "private"),
    [
        ("shop.orders.price", None),
        ("shop.orders._price", "_price"),
        ("shop._internal.price", "_internal"),
        ("__main__.price", None),
        ("shop.Cart.__init__", None),
    ],
)
def test_an_underscore_says_that_something_is_private(identifier: str, private: str | None) -> None:
    assert naming.private_part(identifier) == private


class First:
    class Meta:
        def one(self) -> None: ...


class Second:
    @functools.total_ordering
    class Meta:
        def __lt__(self, other: object) -> bool:
            return True


def test_classes_of_one_name_have_their_own_lines() -> None:
    first, second = naming.location(First.Meta)[1], naming.location(Second.Meta)[1]
    assert first == First.Meta.one.__code__.co_firstlineno - 1
    assert second == Second.Meta.__lt__.__code__.co_firstlineno - 2


def test_an_app_may_parse_while_it_is_inspected() -> None:
    """Before Python 3.13 two threads that parse at once break each other where a collection switches between them."""
    source = Path(inspect.__file__).read_text()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            naming.location(inspect.Parameter)
            OwnModules().place(f"{__name__}.HERE")

    def switch(phase: str, _: object) -> None:
        sum(range(50))

    before = sys.getswitchinterval()
    thread = threading.Thread(target=look)
    gc.callbacks.append(switch)
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        for _ in range(3):
            ast.parse(source)
    finally:
        sys.setswitchinterval(before)
        gc.callbacks.remove(switch)
        ended.set()
        thread.join()
