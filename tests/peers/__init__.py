"""The suites of Starlette and FastAPI themselves, with devtools in every app: `make peers`."""
