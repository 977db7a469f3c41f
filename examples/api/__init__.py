"""A lending library on FastAPI: books, copies, loans, members, a feed. `uvicorn examples.api.app:app` runs it."""
