"""The whole of an app as one structure: merged, sorted, the same on every machine."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from devtools.introspection import inspectors
from devtools.introspection.declarations import error, event, hook, resource, tag, task
from devtools.introspection.elements import Element, ElementKind, Structure
from devtools.introspection.introspector import find_project_root, git_state, inspect_app
from devtools.introspection.registry import registry
from examples.api.service import make_app as make_library

ROOT = Path(__file__).parents[2]


def page(request: Request) -> PlainTextResponse:
    """A page."""
    return PlainTextResponse("")


class Timing:
    """Measures."""

    def __init__(self, app: object) -> None:
        self.app = app


class Declined(Exception):
    """The card was declined."""


async def declined(request: Request, exception: Exception) -> PlainTextResponse:
    return PlainTextResponse("", 402)


def inspect(app: object = None, **options: object) -> Structure:
    return inspect_app(app, name="shop", project_root=ROOT, **options)  # type: ignore[arg-type] # as given


def by_id(structure: Structure) -> dict[str, Element]:
    return {element.id: element for element in structure.elements}


def test_json_dumps_is_left_to_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app is looked at while it answers: a test of its own that replaces the function or counts its calls sees none of ours."""
    expected = inspect(make_library())

    def replaced(*_: object, **__: object) -> str:
        raise AssertionError("json.dumps was called")

    monkeypatch.setattr(json, "dumps", replaced)
    found = inspect(make_library())
    assert (found.elements, found.openapi) == (expected.elements, expected.openapi)
    assert found.openapi is not None


def test_without_an_app_the_structure_is_what_was_declared_below_the_app() -> None:
    task(id="shop.buy")(lambda: None)

    structure = inspect()

    assert structure.root_id == "shop"
    assert by_id(structure).keys() == {"shop", "shop.buy"}
    assert by_id(structure)["shop"].kind is ElementKind.resource
    assert by_id(structure)["shop"].registered_by is None
    assert by_id(structure)["shop.buy"].registered_by == "shop"


def test_what_is_declared_and_what_is_found_are_one_structure() -> None:
    task(id="shop.buy")(page)

    elements = by_id(inspect(Starlette(routes=[Route("/", page)])))

    assert {"shop", "shop.buy", "GET /"} <= elements.keys()


def test_what_is_declared_wins_and_what_it_leaves_open_is_filled_in() -> None:
    error(id=f"{__name__}.Declined", title="Declined!")(Declined)

    found = by_id(inspect(Starlette(exception_handlers={Declined: declined})))[f"{__name__}.Declined"]

    assert (found.title, found.handled, found.kind) == ("Declined!", True, ElementKind.error)
    del Declined.__devtools_id__  # type: ignore[attr-defined] # set by the decorator


def test_files_are_named_from_the_project_root() -> None:
    task(id="shop.buy")(page)
    event("shop.placed")

    elements = by_id(inspect(Starlette(routes=[Route("/", page)])))

    places = {elements[name].file_path for name in ("shop.buy", "shop.placed", "GET /")}
    assert places == {"tests/introspection/test_introspector.py"}


def test_elements_stand_by_kind_and_id() -> None:
    tag("b")
    tag("a")
    event("z")
    task(id="y")(page)

    kinds = list(ElementKind)
    keys = [(kinds.index(element.kind), element.id) for element in inspect().elements]
    assert keys == sorted(keys)


def test_the_app_says_its_version() -> None:
    class Versioned:
        version = "3.2.1"

    assert inspect(Versioned()).app.version == "3.2.1"
    assert inspect_app(None, name="starlette", project_root=ROOT).app.version is not None
    assert inspect_app(None, name="no_such_app", project_root=ROOT).app.version is None


class Hostile:
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)


APPS = [None, 42, "app", object(), Hostile(), lambda: None, Starlette]


@pytest.mark.parametrize("index", range(len(APPS)))
def test_whatever_the_app_nothing_is_raised(index: int, caplog: pytest.LogCaptureFixture) -> None:
    assert inspect(APPS[index]).root_id == "shop"


def fail(app: object, found: object) -> None:
    raise LookupError("broken inspector")


def test_an_inspector_that_fails_is_a_warning_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inspectors, "INSPECTORS", {"broken": f"{__name__}:fail", **inspectors.INSPECTORS})

    structure = inspect(Starlette(routes=[Route("/", page)]))

    assert "GET /" in by_id(structure)
    assert "'broken' failed" in caplog.text


# The same whatever the order

DECLARATIONS: list[Callable[[], object]] = [
    lambda: tag("shop.slow", {"ms": 50}),
    lambda: event("shop.placed", tags=["shop.slow"]),
    lambda: resource("shop.database", config={"b": 1, "a": 2}),
    lambda: resource("shop.cache", depends_on=["shop.database"]),
    lambda: task(id="shop.buy", emits=["shop.placed"], depends_on=["shop.database"])(page),
    lambda: hook("shop.placed", id="shop.mail", order=1)(page),
    lambda: error("shop.Lost"),
]

ROUTES: list[Callable[[], Route | Mount]] = [
    lambda: Route("/", page),
    lambda: Route("/orders", page, methods=["GET", "POST"]),
    lambda: Route("/orders/{id:int}", page),
    lambda: Route("/items/{id}", page, methods=["DELETE"]),
    lambda: Mount("/admin", routes=[Route("/users", page)], middleware=[Middleware(Timing)]),
    lambda: Mount("/api", app=Starlette(routes=[Route("/users", page)])),
]


def declare(order: list[int]) -> None:
    registry.declared.clear()
    registry.overridden.clear()
    for index in order:
        DECLARATIONS[index]()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(
    declarations=st.permutations(range(len(DECLARATIONS))),
    routes=st.permutations(range(len(ROUTES))),
)
def test_the_structure_does_not_depend_on_the_order_of_declarations_and_unrelated_routes(
    declarations: list[int], routes: list[int]
) -> None:
    def made(order_of_declarations: list[int], order_of_routes: list[int]) -> tuple[Element, ...]:
        declare(order_of_declarations)
        return inspect(Starlette(routes=[ROUTES[index]() for index in order_of_routes])).elements

    plain = made(list(range(len(DECLARATIONS))), list(range(len(ROUTES))))

    assert made(declarations, routes) == plain


# Git


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "app.py").write_text("one")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_the_revision_and_whether_files_differ_from_it(repository: Path) -> None:
    revision, dirty = git_state(repository)
    assert revision is not None
    assert (len(revision), dirty) == (40, False)

    (repository / "new.txt").write_text("not tracked")
    assert git_state(repository) == (revision, False)

    (repository / "app.py").write_text("two")
    assert git_state(repository) == (revision, True)


def test_git_is_asked_from_a_folder_below_too(repository: Path) -> None:
    below = repository / "shop"
    below.mkdir()

    assert git_state(below) == git_state(repository)


def test_no_repository_no_commit_no_folder_or_no_git_is_no_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) == (None, None)
    assert git_state(tmp_path / "missing") == (None, None)

    git(tmp_path, "init", "-q")
    assert git_state(tmp_path) == (None, None)

    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) == (None, None)


def test_the_project_root_is_the_nearest_folder_with_a_pyproject(tmp_path: Path) -> None:
    inner = tmp_path / "shop" / "inner"
    inner.mkdir(parents=True)
    assert find_project_root(inner) == inner

    (tmp_path / "pyproject.toml").touch()
    assert find_project_root(inner) == tmp_path

    (tmp_path / "shop" / "pyproject.toml").touch()
    assert find_project_root(inner) == tmp_path / "shop"
