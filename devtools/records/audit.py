"""Who changed or ran what through this server, and when. Written before it is done, and kept unless `retention` says otherwise."""

from typing import Annotated, ClassVar

from devtools.records.base import Column, Record


class Audit(Record, frozen=True, kw_only=True, gc=False):
    """One action that somebody asked for: a mutation that was let in. `correlation_id` is that of the run it began, if any."""

    kind: ClassVar[str] = "audit"

    action: Annotated[str, Column(index=True, one_of="actions", search=True, word="action")]
    """Name of the mutation."""
    actor: Annotated[str | None, Column(one_of="actors", word="actor")] = None
    """Whose token it was."""
    target: Annotated[str | None, Column(one_of="targets", suffix=True, search=True, word="target")] = None
    """What it was done to: an element id, a version, a kind of record."""
    details: Annotated[str | None, Column(json=True, guard=True, word="data")] = None
    """Every argument, secrets masked."""
    client: str | None = None
    """Address of the client."""
