"""The list of sources: chosen, thinned out, taken away."""

import pytest

from devtools.errors import ValidationError
from devtools.settings import Settings
from devtools.sources import SOURCES, chosen, install, sampler


def test_all_by_default():
    assert chosen(Settings()) == tuple(SOURCES)


@pytest.mark.parametrize("settings", [{"sources": ("logs",)}, {"sampling": {"http": 0.5}}])
def test_an_unknown_source_is_refused(recorder, settings):
    """Naming the field and what is known."""
    with pytest.raises(ValidationError, match="must be one of asgi, logging"):
        install(recorder, Settings(**settings))


def test_a_source_that_fails_leaves_the_others(recorder, monkeypatch, caplog):
    """One log line; the app starts."""
    import logging

    monkeypatch.setitem(SOURCES, "warnings", "devtools.sources.missing:install")
    before = logging.Logger.callHandlers
    uninstall = install(recorder, Settings())
    assert logging.Logger.callHandlers is not before
    uninstall()
    assert logging.Logger.callHandlers is before
    assert "'warnings' could not be installed" in caplog.text


def test_sampling_shares():
    assert sampler(Settings(), "logging") is None
    keeps = sampler(Settings(sampling={"logging": 0.25}), "logging")
    assert 150 < sum(keeps() for _ in range(1_000)) < 350
