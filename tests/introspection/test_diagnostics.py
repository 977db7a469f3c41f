"""What `diagnostics` finds, and what it leaves alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.introspection.diagnostics import BLOCKING_ENDPOINT, RULES, blocking, diagnose, route_shape
from devtools.introspection.elements import MiddlewareUse, Route, TagUse
from devtools.introspection.graph import Graph
from devtools.telemetry.stalls import Stall
from tests.introspection.conftest import element

Make = Callable[..., Graph]


def codes(graph: Graph, **options: bool) -> dict[str, list[str]]:
    """Code to the ids of the elements it was found at."""
    found: dict[str, list[str]] = {}
    for diagnostic in diagnose(graph, **options):
        found.setdefault(diagnostic.code, []).append(diagnostic.node_id)
    return found


def test_an_empty_structure_has_no_findings() -> None:
    assert diagnose(Graph()) == []


def test_an_app_where_everything_is_used_has_no_findings(graph: Make) -> None:
    made = graph(
        element("event", "placed"),
        element("hook", "mail", events=("placed",)),
        element("middleware", "timing"),
        element("error", "Declined"),
        element("tag", "slow"),
        element("resource", "database"),
        element("async_context", "user"),
        element(
            "task",
            "GET /orders/{id}",
            route=Route("GET", "/orders/{id}"),
            emits=("placed",),
            throws=("Declined",),
            middleware=(MiddlewareUse("timing"),),
            tags=(TagUse("slow"),),
            depends_on=("database",),
            contexts=("user",),
        ),
        element("task", "POST /orders/{id}", route=Route("POST", "/orders/{id}")),
    )

    assert codes(made) == {}


def test_an_event_without_hooks_is_an_orphan(graph: Make) -> None:
    made = graph(element("event", "placed"), element("task", "buy", emits=("placed",)))

    assert codes(made) == {"ORPHAN_EVENT": ["placed"]}


def test_a_hook_of_every_event_listens_to_each(graph: Make) -> None:
    made = graph(
        element("event", "placed"),
        element("task", "buy", emits=("placed",)),
        element("hook", "audit", events=("*",)),
    )

    assert codes(made) == {}


def test_an_event_nobody_declares_to_emit(graph: Make) -> None:
    made = graph(element("event", "placed"), element("hook", "mail", events=("placed",)))

    assert codes(made) == {"UNEMITTED_EVENT": ["placed"]}


def test_a_middleware_that_wraps_nothing(graph: Make) -> None:
    made = graph(element("middleware", "timing"), element("middleware", "cors", auto_apply=True))

    assert codes(made) == {"UNUSED_MIDDLEWARE": ["timing"]}


def test_an_overridden_element_is_named_with_what_took_its_place(graph: Make) -> None:
    made = graph(element("task", "old"), element("task", "new", overrides=("old",)))

    [found] = diagnose(made)

    assert (found.code, found.node_id, found.severity) == ("OVERRIDDEN_ELEMENT", "old", "info")
    assert "new" in found.message


def test_two_overrides_of_one_element_are_a_conflict_and_not_also_an_override(graph: Make) -> None:
    made = graph(
        element("task", "old"),
        element("task", "a", overrides=("old",)),
        element("task", "b", overrides=("old",)),
    )

    [found] = diagnose(made)

    assert (found.code, found.node_id, found.severity) == ("OVERRIDE_CONFLICT", "old", "error")
    assert "a and b" in found.message


def test_an_error_that_is_neither_thrown_nor_handled(graph: Make) -> None:
    made = graph(
        element("error", "Declined"),
        element("error", "Handled", handled=True),
        element("error", "Thrown"),
        element("task", "pay", throws=("Thrown",)),
    )

    assert codes(made) == {"UNUSED_ERROR": ["Declined"]}


def test_routes_of_one_host_that_differ_only_in_the_names_of_parameters_are_duplicates(graph: Make) -> None:
    made = graph(
        element("task", "GET /a/{id}", route=Route("GET", "/a/{id}")),
        element("task", "GET /a/{name}", route=Route("GET", "/a/{name}")),
        element("task", "GET /a/{id:int}", route=Route("GET", "/a/{id:int}")),
        element("task", "POST /a/{name}", route=Route("POST", "/a/{name}")),
        element("task", "GET //b.example.org/a/{id}", route=Route("GET", "/a/{id}", "b.example.org")),
    )

    assert codes(made) == {"DUPLICATE_ROUTE": ["GET /a/{name}"]}


def test_a_route_that_another_answers_for_is_shadowed_by_it(graph: Make) -> None:
    made = graph(
        element("task", "GET /a/{id}", route=Route("GET", "/a/{id}")),
        element("task", "GET /a/me", route=Route("GET", "/a/me"), shadowed_by="GET /a/{id}"),
        element("task", "GET /b", route=Route("GET", "/b"), shadowed_by="mount /"),
    )

    found = diagnose(made)

    assert [(one.code, one.node_id) for one in found] == [
        ("SHADOWED_ROUTE", "GET /a/me"),
        ("SHADOWED_ROUTE", "GET /b"),
    ]
    assert "GET /a/{id} stands before it" in found[0].message


def test_a_duplicate_is_not_also_called_shadowed(graph: Make) -> None:
    made = graph(
        element("task", "GET /a/{id}", route=Route("GET", "/a/{id}")),
        element("task", "GET /a/{name}", route=Route("GET", "/a/{name}"), shadowed_by="GET /a/{id}"),
    )

    assert codes(made) == {"DUPLICATE_ROUTE": ["GET /a/{name}"]}


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/", "/"),
        ("/a/{id}", "/a/{:str}"),
        ("/a/{id:str}", "/a/{:str}"),
        ("/a/{id:int}/{rest:path}", "/a/{:int}/{:path}"),
    ],
)
def test_the_shape_of_a_path_has_convertors_but_no_names(path: str, shape: str) -> None:
    host = "{tenant}.example.org"
    assert route_shape(Route("GET", path, host)) == Route("GET", shape, "{:str}.example.org")


LINKS = [
    {"depends_on": ("gone",)},
    {"emits": ("gone",)},
    {"throws": ("gone",)},
    {"events": ("gone",)},
    {"middleware": (MiddlewareUse("gone"),)},
    {"tags": (TagUse("gone"),)},
    {"contexts": ("gone",)},
    {"provides": ("gone",)},
    {"overrides": ("gone",)},
    {"registered_by": "gone"},
]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: next(iter(link)))
def test_every_kind_of_link_to_nothing_is_found(graph: Make, link: dict[str, object]) -> None:
    [found] = diagnose(graph(element("task", "buy", **link)))

    assert (found.code, found.severity, found.node_id, found.node_kind) == (
        "UNKNOWN_LINK",
        "warning",
        "buy",
        "task",
    )
    assert "gone" in found.message


def test_the_same_dangling_link_is_said_once(graph: Make) -> None:
    made = graph(element("task", "buy", depends_on=("gone", "gone")))

    assert codes(made) == {"UNKNOWN_LINK": ["buy"]}


def test_the_frameworks_own_elements_are_hidden_unless_asked_for(graph: Make) -> None:
    made = graph(element("middleware", "starlette.GZip", framework=True))

    assert diagnose(made) == []
    [found] = diagnose(made, include_framework=True)
    assert found.is_framework
    assert found.code == "UNUSED_MIDDLEWARE"


def test_findings_come_in_one_order_however_elements_were_given(graph: Make) -> None:
    parts = [
        element("event", "b"),
        element("event", "a"),
        element("error", "x"),
        element("task", "t", emits=("gone",)),
        element("task", "s", overrides=("t",)),
        element("task", "r", overrides=("t",)),
    ]

    found = diagnose(graph(*parts))

    assert found == diagnose(graph(*reversed(parts)))
    assert [(one.code, one.node_id) for one in found] == [
        ("OVERRIDE_CONFLICT", "t"),
        ("UNKNOWN_LINK", "t"),
        ("ORPHAN_EVENT", "a"),
        ("ORPHAN_EVENT", "b"),
        ("UNEMITTED_EVENT", "a"),
        ("UNEMITTED_EVENT", "b"),
        ("UNUSED_ERROR", "x"),
    ]


def test_every_rule_says_what_to_do_and_the_gravest_come_first() -> None:
    grades = ["error", "warning", "info"]
    severities = [grades.index(rule.severity) for rule in RULES]

    assert severities == sorted(severities)
    assert all(rule.hint.endswith(".") for rule in RULES)
    assert len({rule.code for rule in RULES}) == len(RULES)


ORPHANS = (element("event", "shop.placed"), element("event", "shop.paid"), element("event", "mail.sent"))
EMITTER = element("task", "buy", emits=("shop.placed", "shop.paid", "mail.sent"))


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("ORPHAN_EVENT shop.placed", ["mail.sent", "shop.paid"]),
        ("ORPHAN_EVENT shop.*", ["mail.sent"]),
        ("ORPHAN_EVENT", []),
        ("UNEMITTED_EVENT shop.placed", ["mail.sent", "shop.paid", "shop.placed"]),
    ],
)
def test_a_finding_is_ignored_with_a_reason(graph: Make, pattern: str, left: list[str]) -> None:
    """By code, or by code and element; asked for, it still says why."""
    made = graph(*ORPHANS, EMITTER)
    ignore = {pattern: "another service listens"}
    assert sorted(finding.node_id for finding in diagnose(made, ignore=ignore)) == left
    every = diagnose(made, ignore=ignore, include_ignored=True)
    assert {finding.node_id: finding.ignored for finding in every} == {
        name: None if name in left else "another service listens"
        for name in ("shop.placed", "shop.paid", "mail.sent")
    }


def test_what_blocks_the_loop_is_found_by_its_place(graph: Make) -> None:
    """The innermost element on the stack; the one that took longest comes first."""
    made = graph(
        element("task", "GET /report", file_path="shop/web.py", line=10),
        element("task", "shop.slow", file_path="shop/work.py", line=3),
    )
    root = Path("/srv")
    outer, inner = ("/srv/shop/web.py", 10), ("/srv/shop/work.py", 3)
    stalls = [
        Stall((("/usr/lib/asyncio/runners.py", 1), outer), "/srv/shop/web.py:12 in report", 0.2),
        Stall((outer, inner, ("/usr/lib/re.py", 9)), "/usr/lib/re.py:9 in match", 1.5),
        Stall((("/usr/lib/asyncio/runners.py", 1),), "/usr/lib/asyncio/runners.py:1 in run", 9.0),
        Stall((outer,), "/srv/shop/web.py:14 in report", 0.3),
    ]
    found = diagnose(made, measured=blocking(made, stalls, root))
    assert [(finding.code, finding.node_id) for finding in found] == [
        ("BLOCKING_ENDPOINT", "shop.slow"),
        ("BLOCKING_ENDPOINT", "GET /report"),
    ]
    assert "2 times, for up to 300 ms, at /srv/shop/web.py:14" in found[1].message


def test_every_finding_is_explained_in_the_docs() -> None:
    """The anchor is a heading of the page."""
    page = (Path(__file__).parents[2] / "docs" / "diagnostics.md").read_text()
    assert [rule.code for rule in (*RULES, BLOCKING_ENDPOINT) if f"## {rule.code}\n" not in page] == []
