"""Warnings as logs."""

import warnings

import pytest

from devtools.records import Level
from devtools.settings import Settings
from devtools.sources.warnings import install
from tests.sources.asgi_client import logs


@pytest.fixture
def shown():
    """What is printed, inside a block that puts `warnings` back."""
    found: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *more: found.append(str(message))
        yield found


def test_a_shown_warning_is_a_log_and_still_shown(recorder, shown):
    """With its class, text and place."""
    uninstall = install(recorder, Settings())
    warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    uninstall()
    warnings.warn("after", DeprecationWarning, stacklevel=1)
    (log,) = logs(recorder)
    assert (log.level, log.source_id, log.message) == (
        Level.warn,
        "py.warnings",
        "DeprecationWarning: old thing",
    )
    assert log.location.startswith(__file__ + ":")
    assert shown == ["old thing", "after"]


def test_a_filtered_warning_is_not_captured(recorder, shown):
    """Filters stay as configured."""
    uninstall = install(recorder, Settings())
    warnings.simplefilter("ignore")
    warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    uninstall()
    assert (logs(recorder), shown) == ([], [])


def test_what_logging_captures_is_left_to_it(recorder, shown):
    """With `logging.captureWarnings` the warning is one log, not two."""
    import logging

    from devtools.sources.logging import install as install_logging

    logging.captureWarnings(True)
    restores = [install_logging(recorder, Settings()), install(recorder, Settings())]
    try:
        warnings.warn("once", UserWarning, stacklevel=1)
    finally:
        for restore in reversed(restores):
            restore()
        logging.captureWarnings(False)
    assert len(logs(recorder)) == 1
