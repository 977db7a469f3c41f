"""The toy app, recording from its import on: what a server that forks afterwards takes with it."""

from tests.apps.toy import app, devtools, logger

__all__ = ["app"]

devtools.open()
logger.warning("in the master")
