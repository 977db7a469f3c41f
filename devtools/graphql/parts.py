"""What belongs to each run of a list, read for all of its runs at once: a list of a hundred costs as many questions as one run.

The context of an operation holds one. Every list of runs that is read is noted here; `records` asks for the parts of one of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from devtools.records import Record, Run
from devtools.telemetry.pages import History, Page

R = TypeVar("R", bound=Record)
V = TypeVar("V")

ROWS_AT_ONCE = 20_000
"""Most rows that one question may bring, however many runs a list has."""
COUNTED_AT_ONCE = 1_000
"""Most runs whose parts are counted by one question."""


class Parts:
    """The runs that the lists of one operation showed, and what was read for them. Used by one thread at a time.

    It is given the history with each question: if it kept that, it and the context of the operation would hold each other, and all
    of this would wait for the garbage collector.
    """

    def __init__(self) -> None:
        self._lists: dict[int, tuple[int, ...]] = {}
        """Of each run the runs of the list that it stands in: all of them will be asked for the same."""
        self._pages: dict[tuple[type[Record], str, int], dict[int, Page[Any]]] = {}
        self._counts: dict[tuple[type[Record], str], dict[int, int]] = {}

    def note(self, records: Iterable[Record]) -> None:
        """These stand in one list."""
        together = tuple(dict.fromkeys(record.run_id for record in records if isinstance(record, Run)))
        self._lists.update(dict.fromkeys(together, together))

    def page(
        self, history: Callable[[], History], kind: type[R], link: str, run_id: int, first: int
    ) -> Page[R]:
        """The oldest `first` records of a kind whose `link` is the run."""
        known = self._pages.setdefault((kind, link, first), {})
        if run_id not in known:
            asked = self._asked(run_id, known, max(1, ROWS_AT_ONCE // (first + 1)))
            found = history().pages_by(kind, link, asked, first)
            # The children of all these runs are one list as well, or every level would ask once per run of the one above.
            self.note(record for page in found.values() for record in page.records)
            known.update(found)
        return known[run_id]

    def count(self, history: Callable[[], History], kind: type[Record], link: str, run_id: int) -> int:
        """How many records of a kind there are whose `link` is the run."""
        known = self._counts.setdefault((kind, link), {})
        if run_id not in known:
            known.update(history().counts_by(kind, link, self._asked(run_id, known, COUNTED_AT_ONCE)))
        return known[run_id]

    def _asked(self, run_id: int, known: Mapping[int, V], most: int) -> Sequence[int]:
        """This run and those beside it that nothing was read for yet."""
        beside = self._lists.get(run_id, ())
        return [run_id, *(other for other in beside if other != run_id and other not in known)][:most]


@dataclass(frozen=True)
class PartsListing(Generic[R]):
    """The list of one kind of part of one run, as `reading.Listing` is one of history."""

    parts: Parts
    history: Callable[[], History]
    kind: type[R]
    link: str
    run_id: int
    first: int
    evicted: Callable[[type[Record]], float | None]

    @property
    def page(self) -> Page[R]:
        """The records of the page."""
        return self.parts.page(self.history, self.kind, self.link, self.run_id, self.first)

    def count(self) -> int:
        """How many there are, over all pages."""
        return self.parts.count(self.history, self.kind, self.link, self.run_id)

    def evicted_before(self) -> float | None:
        """Unix milliseconds before which records of the kind were evicted."""
        return self.evicted(self.kind)
