"""From a fact to a record: context, payload guard, recorder, rings, filters, subscribers. No I/O here."""
