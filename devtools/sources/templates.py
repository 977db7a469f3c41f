"""How a source tells which route a request took, where the framework does not write it into the scope itself."""

from typing import Any

from devtools.introspection.paths import template

PATH_TEMPLATE = "path_template"
"""Key in an ASGI scope or WSGI environment: `/cart/{id}`, as Litestar writes it too."""


def write_template(where: Any, rule: Any) -> None:  # Any: of another version these may be anything
    """Write the template of a rule into the ASGI scope or WSGI environment of the request that took it."""
    if isinstance(where, dict) and isinstance(rule, str):
        where[PATH_TEMPLATE] = template(rule)
