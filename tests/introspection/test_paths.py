"""Path templates are the same where structure is read and where requests are recorded."""

import json

import pytest

from devtools.introspection.paths import path_schema, template


@pytest.mark.parametrize(
    ("rule", "path", "typed"),
    [
        ("/", "/", "/"),
        ("/cart/<id>", "/cart/{id}", "/cart/{id}"),
        ("/cart/<string:id>", "/cart/{id}", "/cart/{id}"),
        ("/cart/<int:id>", "/cart/{id}", "/cart/{id:int}"),
        ("/<any(about, help):page>", "/{page}", "/{page:any}"),
        ("orders/<int:pk>/", "/orders/{pk}/", "/orders/{pk:int}/"),
        (r"^orders/(?P<pk>[0-9]+)/$", "/orders/{pk}/", "/orders/{pk}/"),
        (r"shop/^buy/(?P<sku>[a-z]{2}-(\d+))/?$", "/shop/buy/{sku}/", "/shop/buy/{sku}/"),
        (r"<slug:shop>/^(\d+)\.html\Z", "/{shop}/{0}.html", "/{shop:slug}/{0}.html"),
        (r"^broken/(?P<open>[0-9", "/broken/{open}", "/broken/{open}"),
    ],
)
def test_a_rule_is_a_template(rule: str, path: str, typed: str) -> None:
    assert (template(rule), template(rule, typed=True)) == (path, typed)


def test_parameters_have_the_types_of_their_converters() -> None:
    assert path_schema("/cart") is None
    assert json.loads(path_schema("/cart/{id:int}/{share:float}/{name}") or "") == {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "share": {"type": "number"}, "name": {"type": "string"}},
        "required": ["id", "share", "name"],
    }
