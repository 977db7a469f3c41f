"""Elements of two structures: what came, went, and changed field by field."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devtools.introspection.diff import diff
from devtools.introspection.diff.changes import ChangeKind, FieldChange
from devtools.introspection.elements import ElementKind, MiddlewareUse, Route
from tests.introspection.diff.conftest import element, structure


def found(old, new):
    return [(entry.change.value, entry.id, entry.fields) for entry in diff(old, new).entries]


def test_what_came_and_what_went_is_listed_by_kind_and_id():
    old = structure(element("task", "shop.buy"), element("event", "shop.sold"))
    new = structure(element("task", "shop.sell"), element("event", "shop.sold"))
    assert found(old, new) == [("removed", "shop.buy", ()), ("added", "shop.sell", ())]


def test_a_change_names_every_field_with_both_values():
    old = structure(element("task", "shop.buy", depends_on=("shop.db",), title="Buy"))
    new = structure(element("task", "shop.buy", depends_on=("shop.db", "shop.cache"), title="Purchase"))
    assert found(old, new) == [
        (
            "changed",
            "shop.buy",
            (
                FieldChange("title", "Buy", "Purchase"),
                FieldChange("depends_on", ["shop.db"], ["shop.db", "shop.cache"]),
            ),
        )
    ]


def test_nested_values_are_plain_json():
    old = structure(element("task", "GET /a", route=Route("GET", "/a")))
    new = structure(element("task", "GET /a", middleware=(MiddlewareUse("app.Timing", origin="app"),)))
    (entry,) = diff(old, new).entries
    assert entry.fields == (
        FieldChange("middleware", [], [{"id": "app.Timing", "config": None, "origin": "app"}]),
        FieldChange("route", {"method": "GET", "path": "/a"}, None),
    )


def test_where_things_stand_is_no_change():
    old = structure(
        element("task", "shop.f:L3", line=3, file_path="a.py"),
        element("task", "b", config='{"x": "<T at 0xAA>"}'),
    )
    new = structure(
        element("task", "shop.f:L7", line=7, file_path="b.py"),
        element("task", "b", config='{"x": "<T at 0xBB>"}'),
    )
    assert diff(old, new).is_empty


def test_elements_that_differ_by_line_alone_are_matched_in_order():
    old = structure(element("task", "a:L1", title="one"), element("task", "a:L2", title="two"))
    new = structure(element("task", "a:L5", title="one"), element("task", "a:L6", title="other"))
    ((change, identifier, fields),) = found(old, new)
    assert (change, identifier, [field.name for field in fields]) == ("changed", "a:L6", ["title"])


def test_one_id_of_another_kind_is_another_element():
    old, new = structure(element("task", "x")), structure(element("hook", "x"))
    assert [(entry.change, entry.kind) for entry in diff(old, new).entries] == [
        (ChangeKind.REMOVED, ElementKind.task),
        (ChangeKind.ADDED, ElementKind.hook),
    ]


def test_an_app_under_another_name_is_the_same_app():
    def named(name):
        return structure(
            element("resource", name, title=name), element("task", "t", registered_by=name), root=name
        )

    assert diff(named("shop.main"), named("main")).is_empty


elements = st.lists(
    st.builds(
        lambda kind, name, title, links: element(kind, name, title=title, depends_on=tuple(links)),
        st.sampled_from(["task", "event", "resource"]),
        st.sampled_from("abcdef"),
        st.sampled_from([None, "x", "y"]),
        st.lists(st.sampled_from("abc"), max_size=2),
    ),
    max_size=6,
).map(lambda made: structure(*made))


@settings(max_examples=30, deadline=None)
@given(elements, elements)
def test_turned_round_it_says_the_opposite(old, new):
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    there = [(entry.change.value, entry.kind, entry.id) for entry in diff(old, new).entries]
    back = [(opposite[entry.change.value], entry.kind, entry.id) for entry in diff(new, old).entries]
    assert sorted(map(repr, there)) == sorted(map(repr, back))


@settings(max_examples=30, deadline=None)
@given(elements)
def test_nothing_differs_from_itself(same):
    assert diff(same, same).is_empty


@pytest.mark.parametrize("missing", ["old", "new"])
def test_an_empty_structure_is_no_special_case(missing):
    full, empty = structure(element("task", "a")), structure()
    pair = (empty, full) if missing == "old" else (full, empty)
    assert [entry.change.value for entry in diff(*pair).entries] == [
        "added" if missing == "old" else "removed"
    ]
