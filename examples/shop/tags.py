"""What tasks of the shop have in common."""

from devtools import tag

writes = tag("shop.writes", title="Writes to the database")
money = tag("shop.money", {"currency": "EUR"}, title="Moves money")
slow = tag("shop.slow", {"expected_ms": 100}, title="Waits for a service that is not ours")
