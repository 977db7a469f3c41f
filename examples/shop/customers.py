"""Who is asking: one context variable, set for each request."""

import secrets
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie

from devtools import async_context, resource

COOKIE = "shop_customer"

customer: ContextVar[str] = ContextVar("customer", default="nobody")

current_customer = async_context("shop.customer", customer, description="The customer of this request")


@resource(id="shop.customers", provides=[current_customer])
def identify(header: str, cookies: str) -> str:
    """Make the customer of this request known: from the header, else from the cookie, else a new one."""
    name = header or _from(cookies) or f"guest-{secrets.token_hex(4)}"
    customer.set(name)
    return name


def _from(cookies: str) -> str | None:
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return None
    return found.value if found is not None else None
