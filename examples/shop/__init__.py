"""A small shop on Starlette: catalogue, cart, checkout, stock, payment and receipts. `python -m examples.shop` runs it."""
