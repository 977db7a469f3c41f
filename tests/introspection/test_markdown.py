"""The page of an element, as a person reads it."""

from collections.abc import Callable

import pytest

from devtools.introspection.elements import ElementKind, MiddlewareUse, Route, TagUse
from devtools.introspection.graph import Graph
from devtools.introspection.markdown import MAX_LISTED, code, describe
from tests.introspection.conftest import element

Make = Callable[..., Graph]


def page(graph: Graph, identifier: str) -> str:
    found = graph.get(identifier)
    assert found is not None
    return describe(found, graph)


def titles(text: str) -> list[str]:
    return [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]


def test_the_page_of_a_route_says_what_a_person_asks(graph: Make) -> None:
    made = graph(
        element(
            "task",
            "POST /orders/{id}",
            title="Place an order.",
            description="Charges the card first.",
            route=Route("POST", "/orders/{id}"),
            file_path="shop/orders.py",
            line=12,
            registered_by="shop",
            schema='{"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}',
            depends_on=("database",),
            emits=("placed",),
            throws=("Declined",),
            middleware=(
                MiddlewareUse("outer", origin="app"),
                MiddlewareUse("inner", config='{"limit": 3}', origin="mount /orders"),
            ),
            tags=(TagUse("slow", config='{"ms": 50}'),),
        ),
        element("resource", "database", title="The one database"),
        element("middleware", "outer"),
        element("middleware", "inner"),
        element("tag", "slow"),
        element("event", "placed"),
        element("error", "Declined"),
    )

    assert (
        page(made, "POST /orders/{id}")
        == """\
# Place an order.

- Task `POST /orders/{id}`
- Route: `POST /orders/{id}`
- Defined in `shop/orders.py:12`
- Registered by `shop`

Charges the card first.

## Input

```ts
{
  id: integer
}
```

## Depends on

- `database` — The one database

## Emits

- `placed`

## Throws

- `Declined`

## Tags

- `slow`: `{"ms": 50}`

## Middleware, from the outside in

1. `outer` (from app)
1. `inner` (from mount /orders): `{"limit": 3}`
"""
    )


@pytest.mark.parametrize("kind", [kind.value for kind in ElementKind])
def test_an_element_of_which_nothing_is_known_has_no_sections(graph: Make, kind: str) -> None:
    text = page(graph(element(kind, "shop.thing")), "shop.thing")

    assert text.startswith("# `shop.thing`\n")
    assert titles(text) == []


def test_links_are_shown_from_the_other_side_too(graph: Make) -> None:
    made = graph(
        element("event", "placed"),
        element("task", "buy", emits=("placed",), depends_on=("database",), throws=("Declined",)),
        element("hook", "second", events=("placed",), order=2),
        element("hook", "first", events=("*",), order=1),
        element("resource", "database", provides=("user",)),
        element("error", "Declined"),
        element("async_context", "user"),
    )

    event = page(made, "placed")
    assert titles(event) == ["Emitted by", "Hooks, in order"]
    assert event.index("`first`") < event.index("`second`")
    assert titles(page(made, "database")) == ["Used by", "Sets"]
    assert titles(page(made, "Declined")) == ["Thrown by"]
    assert titles(page(made, "user")) == ["Set by"]
    assert "every event" in page(made, "first")


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("task", "Input"),
        ("hook", "Input"),
        ("event", "Payload"),
        ("error", "Data"),
        ("resource", "Configuration schema"),
    ],
)
def test_the_schema_is_named_after_what_it_describes(graph: Make, kind: str, title: str) -> None:
    made = graph(element(kind, "x", schema='{"type": "string"}'))

    assert titles(page(made, "x")) == [title]


def test_overrides_are_told_on_both_pages(graph: Make) -> None:
    made = graph(element("task", "old"), element("task", "new", overrides=("old",)))

    assert "## Overridden by\n\n- `new`" in page(made, "old")
    assert "## Overrides\n\n- `old`" in page(made, "new")


def test_what_is_special_about_an_element_stands_below_its_title(graph: Make) -> None:
    made = graph(
        element(
            "task",
            "GET /b",
            shadowed_by="mount /",
            framework=True,
            is_private=True,
            visibility_reason="include_in_schema=False",
        ),
        element("error", "Declined", handled=True),
        element("middleware", "timing", auto_apply=True),
        element("resource", "database", has_health_check=True),
        element("hook", "mail", order=2),
    )

    route = page(made, "GET /b")
    assert "- Never reached: `mount /` answers first\n" in route
    assert "- Part of the framework\n" in route
    assert "- Private: include\\_in\\_schema=False\n" in route
    assert "- The app has a handler for it" in page(made, "Declined")
    assert "- Wraps everything" in page(made, "timing")
    assert "- Has a health check" in page(made, "database")
    assert "- Order: 2" in page(made, "mail")


def test_a_link_to_nothing_is_marked(graph: Make) -> None:
    assert "- `gone` (unknown)" in page(graph(element("task", "buy", emits=("gone",))), "buy")


def test_long_lists_are_cut_and_say_so(graph: Make) -> None:
    users = [
        element("task", f"task{number:02}", depends_on=("database",)) for number in range(MAX_LISTED + 3)
    ]
    text = page(graph(element("resource", "database"), *users), "database")

    assert text.count("`task") == MAX_LISTED
    assert "… and 3 more" in text


def test_a_docstring_cannot_become_html_an_image_a_heading_or_a_script(graph: Make) -> None:
    hostile = (
        "Hello <script>alert(1)</script> <!-- x\n\n# Middleware\n\n![pixel](https://evil.example/x.png)\n"
        "[click](javascript:alert(1)) [fine](https://example.org)\n[ref]: javascript:alert(1)"
    )
    text = page(graph(element("task", "buy", title="<b>*Bold*</b>", description=hostile)), "buy")

    assert "<script" not in text
    assert "<!--" not in text
    assert "![" not in text
    assert "](javascript" not in text
    assert "\n[ref]:" not in text
    assert "\n# Middleware" not in text
    assert "[fine](https://example.org)" in text
    assert text.startswith("# \\<b\\>\\*Bold\\*\\</b\\>\n")


def test_a_code_block_left_open_does_not_swallow_the_rest(graph: Make) -> None:
    made = graph(element("task", "buy", description="Like so:\n\n```python\nbuy()", emits=("gone",)))

    assert "buy()\n```\n\n## Emits" in page(made, "buy")


def test_a_schema_cannot_leave_its_block(graph: Make) -> None:
    made = graph(element("task", "buy", schema='{"enum": ["```\\n# out"]}'))

    assert "````ts\n" in page(made, "buy")


@pytest.mark.parametrize(
    ("text", "span"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a\n# b", "`a # b`"), ("``", "``` `` ```")],
)
def test_code_spans_hold_any_text(text: str, span: str) -> None:
    assert code(text) == span


def test_broken_configuration_is_shown_as_it_is(graph: Make) -> None:
    assert "{broken" in page(graph(element("resource", "x", config="{broken")), "x")


@pytest.mark.parametrize("block", ["```python\nbuy()\n```", "~~~\n```\n~~~", "````\n```\n````"])
def test_a_code_block_that_is_closed_stays_as_it_is(graph: Make, block: str) -> None:
    assert page(graph(element("task", "buy", description=block)), "buy").endswith(f"{block}\n")
