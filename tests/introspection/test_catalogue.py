"""The catalogue: one file that asks nobody, and makes nothing but text of what is in it."""

import base64
import hashlib
import re

from devtools.introspection.catalogue import page
from tests.introspection.diff.conftest import element, structure

HOSTILE = "</script><script>alert(1)</script><!--\u2028"


def test_what_is_in_it_cannot_leave_its_element() -> None:
    shown = page(structure(element("task", HOSTILE, title=HOSTILE)), title=HOSTILE, subtitle=HOSTILE)
    assert shown.count("</script>") == 2
    assert "<!--" not in shown
    assert "alert(1)" in shown


def test_only_its_own_script_and_style_may_run() -> None:
    shown = page(structure(), title="shop", subtitle="")
    for name in ("script", "style"):
        (text,) = re.findall(f"<{name}>(.*?)</{name}>", shown, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in shown
    assert "default-src 'none'" in shown


def test_it_asks_no_network_and_parses_no_markup() -> None:
    shown = page(structure(), title="shop", subtitle="")
    own = shown.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(
        r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|fetch\(|import\(|eval\(", own
    )
