"""The figures of the benchmarks, each one command: `python -m benchmarks [NAME …]`.

Every figure is a ratio measured side by side in one run: interleaved, CPU time per unit. Peers are needed for the
comparison only: `uv sync --group bench`.
"""

BENCHMARKS: dict[str, str] = {
    "requests": "benchmarks.requests:measure",
    "asgi": "benchmarks.asgi:measure",
    "run": "benchmarks.run:measure",
    "log": "benchmarks.log:measure",
    "bulk": "benchmarks.bulk:measure",
    "graphql": "benchmarks.graphql:measure",
    "page": "benchmarks.page:measure",
    "memory": "benchmarks.memory:measure",
    "start": "benchmarks.start:measure",
    "follow": "benchmarks.follow:measure",
    "structure": "benchmarks.structure:measure",
}
"""Name of the benchmark to `module:function`, which answers its figures."""
