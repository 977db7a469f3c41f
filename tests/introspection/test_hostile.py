"""Apps made of strange things are described sensibly; nothing is ever raised, and no object is asked what it does not answer."""

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router

from devtools.introspection import snapshots
from devtools.introspection.catalogue import page
from devtools.introspection.declarations import resource
from devtools.introspection.graph import Graph
from devtools.introspection.introspector import inspect_app
from devtools.introspection.own_modules import OwnModules

HERE = Path(__file__).parent


def graph_of(*routes: Any) -> Graph:
    return Graph(inspect_app(Starlette(routes=list(routes)), name="shop", project_root=HERE))


def plain(request: Request) -> PlainTextResponse:
    """A page."""
    return PlainTextResponse("")


class Unhashable:
    """An endpoint that cannot be put into a set."""

    __hash__ = None  # type: ignore[assignment] # as it says

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class Broken:
    """Every question raises, but for those that Starlette asks when a route is made."""

    raised: type[BaseException] = RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name == "__name__" else self.raised(name)

    def __repr__(self) -> str:
        raise self.raised("no")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class Leaving(Broken):
    """Ends the process, were it let, whatever it is asked."""

    raised = SystemExit


class Callable:
    async def __call__(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("")


def logged(inner: Any) -> Any:
    @functools.wraps(inner)
    def outer(*arguments: Any) -> Any:
        return inner(*arguments)

    return outer


def without_source() -> Any:
    names: dict[str, Any] = {"__name__": "generated"}
    exec("def made(request):\n    '''Made of text.'''\n    return None", names)
    return names["made"]


def wrapped_in_itself() -> Any:
    def own(request: Request) -> None: ...

    own.__wrapped__ = own  # type: ignore[attr-defined] # a circle
    return own


STRANGE = {
    "/unhashable": Unhashable(),
    "/broken": Broken(),
    "/leaving": Leaving(),
    "/callable": Callable().__call__,
    "/lambda": lambda request: PlainTextResponse(""),
    "/partial": functools.partial(functools.partial(plain)),
    "/decorated": logged(logged(plain)),
    "/generated": without_source(),
    "/circle": wrapped_in_itself(),
}


def test_endpoints_of_every_sort_are_routes() -> None:
    graph = graph_of(*(Route(path, endpoint) for path, endpoint in STRANGE.items()))
    paths = {element.route.path for element in graph.list() if element.route is not None}
    assert paths == STRANGE.keys()
    assert graph.by_id["GET /partial"].title == graph.by_id["GET /decorated"].title == "A page."
    generated = graph.by_id["GET /generated"]
    assert (generated.title, generated.file_path, generated.line) == ("Made of text.", None, 1)


def test_half_a_character_in_a_docstring_costs_that_character_alone() -> None:
    r"""`"\ud800"` is a string of Python, and no encoding of UTF-8 can hold it."""

    def shown(request: Request) -> None: ...

    shown.__doc__ = "Shows \ud800."
    structure = inspect_app(Starlette(routes=[Route("/a\udfff", shown)]), name="shop", project_root=HERE)
    assert snapshots.decode(snapshots.to_row(structure, "shop", "main", 1)) == structure
    (route,) = [element for element in structure.elements if element.route is not None]
    assert (route.id, route.title) == ("GET /a\ufffd", "Shows \ufffd.")
    assert "Shows \ufffd." in page(structure, title="shop", subtitle="")


def test_routers_within_themselves_end() -> None:
    router = Router(routes=[Route("/page", plain)])
    router.routes.append(Mount("/again", router))
    assert (
        "GET /page" in graph_of(Mount("/", router)).by_id
        or "GET //page" in graph_of(Mount("/", router)).by_id
    )


def test_resources_that_depend_on_each_other_are_linked_both_ways() -> None:
    resource("shop.one", depends_on=["shop.two"])
    resource("shop.two", depends_on=["shop.one"])
    graph = graph_of()
    assert graph.by_id["shop.one"].depends_on == ("shop.two",)
    assert [element.id for element in graph.used_by("shop.one")] == ["shop.two"]


# Globals of own modules


class Engine:
    """Something that a global holds."""


MAKER = """
from typing import Any
engine: Any = Engine()
class Inner: ...
"""

USER = """
from shop_making import engine
from shop_making import engine as renamed
"""


@pytest.fixture
def modules(tmp_path: Path) -> Iterator[list[ModuleType]]:
    """One module makes an engine, one that comes first imports it, one holds strange things."""
    made: list[ModuleType] = []
    for name, text in (("a_shop", USER), ("shop_making", MAKER), ("shop_strange", "")):
        module = ModuleType(name)
        module.__file__ = str(tmp_path / f"{name}.py")
        Path(module.__file__).write_text(text)
        sys.modules[name] = module
        made.append(module)
    engine = Engine()
    vars(made[0]).update(engine=engine, renamed=engine)
    vars(made[1]).update(engine=engine)
    vars(made[2]).update(broken=Broken(), unhashable=Unhashable(), loop=made[2])
    yield made
    for module in made:
        del sys.modules[module.__name__]


def test_a_global_has_the_name_and_place_where_it_is_made(modules: list[ModuleType]) -> None:
    own = OwnModules()
    assert [name for name, _ in own.of(Engine)] == ["shop_making.engine"]
    assert own.place("shop_making.engine") == (modules[1].__file__, 3)


def test_strange_globals_are_told_apart_by_their_type_alone(modules: list[ModuleType]) -> None:
    own = OwnModules()
    assert [name for name, _ in own.of(Broken, Unhashable)] == [
        "shop_strange.broken",
        "shop_strange.unhashable",
    ]
    assert own.name_of(vars(modules[2])["broken"], "none") == "shop_strange.broken"


def test_installed_modules_the_library_and_this_package_are_not_own() -> None:
    own = OwnModules()
    assert [
        name
        for name in ("json", "starlette.routing", "devtools.introspection.graph")
        if own.holds(sys.modules[name])
    ] == []
    assert own.holds(sys.modules[__name__])
    assert OwnModules("starlette.applications").holds(sys.modules["starlette.routing"])


def test_a_module_without_source_or_that_is_not_python_has_no_lines(modules: list[ModuleType]) -> None:
    assert modules[0].__file__ is not None
    Path(modules[0].__file__).write_text("def (")
    assert OwnModules().place("a_shop.engine") == (modules[0].__file__, None)
    assert OwnModules().place("nowhere.engine") == (None, None)
