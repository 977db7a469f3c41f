"""What axe finds in a page."""

from pathlib import Path

from playwright.sync_api import Page

from tests.machine import lacking

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]


def check_accessibility(page: Page) -> None:
    """axe finds nothing in what is ours; inside GraphiQL its makers decide."""
    if not AXE.is_file():
        lacking("axe-core is not installed. Run: make web")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "rules => axe.run({exclude: ['.graphiql-container']}, {runOnly: rules}).then(result => result.violations)",
        AXE_RULES,
    )
    assert not found, [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
