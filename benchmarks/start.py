"""What DevTools costs where it does nothing: its import, its command line, and an app with it mounted but disabled."""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.asgi import calls
from benchmarks.measure import Figure, cpu_seconds, micro

ROUNDS = 11
COMMANDS = {
    "python": ["-c", "pass"],
    "import": ["-c", "import devtools"],
    "help": ["-c", "import sys; sys.argv[1:] = ['--help']; from devtools.cli import main; main()"],
}


def measure() -> list[Figure]:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, arguments in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=False, capture_output=True)
            taken[name].append((time.perf_counter() - began) * 1_000)
    median = {name: statistics.median(values) for name, values in taken.items()}
    imported = median["import"] - median["python"]
    return [
        Figure("import devtools, beyond Python", f"{imported:.1f} ms", "≤ 30 ms", imported <= 30),
        Figure(
            "devtools --help",
            f"{median['help']:.0f} ms (Python alone {median['python']:.0f} ms)",
            "≤ 150 ms",
            median["help"] <= 150,
        ),
        *disabled(),
    ]


def disabled() -> list[Figure]:
    from starlette.applications import Starlette
    from starlette.routing import Route

    from benchmarks.apps import bare, hello
    from devtools import mount

    threads = threading.active_count()
    with tempfile.TemporaryDirectory() as directory:
        app = Starlette(routes=[Route("/", hello)])
        mount(app, enabled=False, database=f"sqlite:///{directory}/devtools.sqlite")
        cost = cpu_seconds({"bare": calls(bare()), "disabled": calls(app)}, times=2_000)
        files = len(list(Path(directory).iterdir()))
    added = cost["disabled"] - cost["bare"]
    started = threading.active_count() - threads
    value = f"{started} threads, {files} files, {micro(added)} a request"
    return [Figure("mounted, disabled", value, "0, 0, ≤ 1 µs", started == 0 and files == 0 and added <= 1e-6)]
