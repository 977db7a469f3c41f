"""End the streams at the first signal: servers drain connections before the lifespan's shutdown, so nothing else can."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

Undo = Callable[[], None]


def on_ending(act: Callable[[], None]) -> Undo:
    """Call `act` at SIGTERM and SIGINT, before whatever handled them. Answers how to undo it.

    Only the main thread may handle signals: elsewhere nothing is installed, and the undo does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    undos = [_chain(number, act) for number in (signal.SIGTERM, signal.SIGINT)]

    def undo() -> None:
        for each in undos:
            each()

    return undo


def _chain(number: int, act: Callable[[], None]) -> Undo:
    previous: Any = signal.getsignal(number)  # Any: as the signal module types handlers

    def handle(received: int, frame: FrameType | None) -> None:
        act()
        if callable(previous):
            previous(received, frame)
        elif previous == signal.SIG_DFL:
            signal.signal(received, signal.SIG_DFL)
            signal.raise_signal(received)

    signal.signal(number, handle)

    def undo() -> None:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(number) is handle:
            signal.signal(number, previous)

    return undo
