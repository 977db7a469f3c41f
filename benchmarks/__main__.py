"""Prints one table: figure, limit, holds or not. Always exits with 0: a benchmark is never a timed test."""

import sys
from importlib import import_module

from benchmarks import BENCHMARKS
from benchmarks.measure import Figure


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"Unknown: {', '.join(unknown)}. Known: {', '.join(BENCHMARKS)}.", file=sys.stderr)
    figures: list[Figure] = []
    for name in names or BENCHMARKS:
        if name in BENCHMARKS:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            figures += run(name)
    print_table(figures)


def run(name: str) -> list[Figure]:
    module, _, function = BENCHMARKS[name].partition(":")
    try:
        return getattr(import_module(module), function)()
    except ModuleNotFoundError as error:
        return [Figure(name, f"not measured: {error.name} is missing (uv sync --group bench)", "", None)]


def print_table(figures: list[Figure]) -> None:
    rows = [("work", "figure", "limit", "holds")]
    answer = {True: "yes", False: "NO", None: "-"}
    rows += [(figure.work, figure.value, figure.limit, answer[figure.holds]) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


main(sys.argv[1:])
