"""uvicorn's access log: which of our requests are lines of it. With a real server: `tests/process/test_story.py`."""

import logging

import pytest

from devtools.server.access_log import leave_out_ours
from devtools.telemetry.context import own_work

LINE = '%s - "%s %s HTTP/%s" %d'


@pytest.mark.parametrize(
    ("message", "arguments", "is_line"),
    [
        (LINE, ("127.0.0.1:1", "POST", "/devtools/graphql", "1.1", 200), False),
        (LINE, ("127.0.0.1:1", "GET", "/devtools", "1.1", 307), False),
        (LINE, ("127.0.0.1:1", "POST", "/devtools/graphql", "1.1", 401), True),
        (LINE, ("127.0.0.1:1", "GET", "/devtools/", "1.1", 500), True),
        ("another form", (), True),
        ("another form of %s", ("an app",), True),
    ],
)
def test_only_what_succeeded_is_left_out(caplog, message, arguments, is_line):
    """And every line of the app's is there, and all of them once it is undone."""
    logger = logging.getLogger("uvicorn.access")
    undo = leave_out_ours()
    with caplog.at_level(logging.INFO, logger.name):
        logger.info(message, *arguments)
        with own_work():
            logger.info(message, *arguments)
            undo()
            logger.info(message, *arguments)
    assert len(caplog.records) == 2 + is_line
