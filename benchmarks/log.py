"""One direct log record against `logger.info` to a NullHandler, and a captured call of `logging` against the uncaptured."""

import logging
from typing import Any

from benchmarks.measure import DROPPED, FULL, Figure, cpu_seconds, micro, ratio
from devtools.records import Level
from devtools.settings import Settings
from devtools.sources.logging import install
from devtools.telemetry.recorder import Recorder

DIRECT_LIMIT = 0.08
CAPTURED_LIMIT = 1.30
MESSAGE = "order placed"


def measure() -> list[Figure]:
    logger = logging.getLogger("shop.benchmark")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.INFO)
    recorder = Recorder()
    variants = {
        "logging": calls(logger),
        "direct": direct(recorder),
        "varying": varying(recorder),
        "formatting": lambda times: [f"order {number} placed" for number in range(times)],
        "captured": captured(logger, recorder),
    }
    cost = cpu_seconds(variants, times=4 * DROPPED, before=FULL)
    plain = cost["logging"]
    fresh = cost["varying"] - cost["formatting"]
    return [
        ratio(
            "direct log record",
            cost["direct"] / plain,
            DIRECT_LIMIT,
            f"{micro(cost['direct'])} against {micro(plain)}",
        ),
        Figure("direct log record, no two alike", f"{fresh / plain:.3f} ({micro(fresh)})", "", None),
        ratio("captured logging call", cost["captured"] / plain, CAPTURED_LIMIT, micro(cost["captured"])),
    ]


def calls(logger: logging.Logger) -> Any:
    def work(times: int) -> None:
        info = logger.info
        for _ in range(times):
            info(MESSAGE)

    return work


def direct(recorder: Recorder) -> Any:
    def work(times: int) -> None:
        log, info = recorder.log, Level.info
        for _ in range(times):
            log(info, MESSAGE, "shop")

    return work


def varying(recorder: Recorder) -> Any:
    def work(times: int) -> None:
        log, info = recorder.log, Level.info
        for number in range(times):
            log(info, f"order {number} placed", "shop")

    return work


def captured(logger: logging.Logger, recorder: Recorder) -> Any:
    def work(times: int) -> None:
        uninstall = install(recorder, Settings())
        try:
            calls(logger)(times)
        finally:
            uninstall()

    return work
