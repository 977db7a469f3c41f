"""`python -m tests.peers [starlette] [fastapi] [PATH …]`: the frameworks' own tests, without devtools, then with it in every app.

Their source distributions, of the versions that are installed here, and an environment for them are made under `build/peers`.
Ends with 1 where a test has another outcome with devtools than without.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "peers"
PYTHON = FOLDER / ".venv" / "bin" / "python"
PLUGIN = "devtools_around_every_app"
MINUTES = 30

NEEDED = (
    "a2wsgi",
    "blockbuster",
    "dirty-equals",
    "flask",
    "httpx2[zstd]",
    "importlib-metadata",
    "inline-snapshot",
    "opentelemetry-sdk",
    "pwdlib[argon2]",
    "pyjwt",
    "pytest-codspeed",
    "pytest-timeout",
    "pytest-xdist",
    "pytest<9.2",
    "python-slugify",
    "pyyaml",
    "sqlmodel",
    "trio",
    "typer",
)
"""What the suites need beside the frameworks with all their extras."""


@dataclass(frozen=True)
class Suite:
    """The tests of one framework that are run, and those of them that are not."""

    name: str
    left_out: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The version that is installed here."""
        return importlib.metadata.version(self.name)

    @property
    def folder(self) -> Path:
        return FOLDER / f"{self.name}-{self.version}"


SUITES = {
    "starlette": Suite("starlette"),
    "fastapi": Suite(
        "fastapi",
        # Timings, memory, and programs of their own, which no plugin of ours is in.
        ("tests/benchmarks", "tests/memory_benchmarks", "tests/test_telemetry", "tests/test_fastapi_cli.py"),
    ),
}


class UnavailableError(Exception):
    """What a run needs cannot be fetched."""


def prepare(suites: list[Suite]) -> None:
    """Make the environment and fetch the suites, once for each set of versions. Raises UnavailableError."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = [f"{suite.name}=={suite.version}" for suite in SUITES.values()]
    marker = FOLDER / "prepared"
    if not PYTHON.exists() or not marker.exists() or marker.read_text().split() != wanted:
        venv.create(FOLDER / ".venv", with_pip=True, clear=True)
        extras = [wanted[0].replace("==", "[full]=="), wanted[1].replace("==", "[all]==")]
        _fetch(_installer(), "--quiet", "--editable", str(ROOT), *extras, *NEEDED)
        marker.write_text(" ".join(wanted))
    for suite in suites:
        if not suite.folder.exists():
            pinned = f"{suite.name}=={suite.version}"
            _fetch(
                [*_PIP, "download"],
                "--quiet",
                "--no-deps",
                "--no-binary",
                suite.name,
                pinned,
                "-d",
                str(FOLDER),
            )
            with tarfile.open(FOLDER / f"{suite.name}-{suite.version}.tar.gz") as archive:
                archive.extractall(FOLDER, filter="data")
            # The package beside its tests would be imported in place of the installed one, and be the same.
            shutil.rmtree(suite.folder / suite.name)


_PIP = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]


def _installer() -> list[str]:
    """What installs into the environment: uv where it is there, for it takes seconds."""
    uv = shutil.which("uv")
    return [*_PIP, "install"] if uv is None else [uv, "pip", "install", "--python", str(PYTHON)]


def _fetch(command: list[str], *arguments: str) -> None:
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"{Path(command[0]).name} failed:\n{done.stderr.strip()[-2_000:]}")


def run(suite: Suite, *, around: bool, only: tuple[str, ...] = ()) -> dict[str, str]:
    """The outcome of every test by its name: passed, failed, skipped, error. What the plugin saw is written beside it."""
    report = FOLDER / f"{suite.name}-{'with' if around else 'without'}.xml"
    seen = FOLDER / f"{suite.name}-seen"
    shutil.rmtree(seen, ignore_errors=True)
    seen.mkdir()
    report.unlink(missing_ok=True)
    command = [str(PYTHON), "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command += [
        # Some tests use one folder, and say by a group that they cannot run beside each other.
        "--dist=loadgroup",
        "--timeout=120",
        "-o",
        "junit_family=xunit1",
        *(f"--ignore={path}" for path in suite.left_out),
    ]
    command += ["-p", PLUGIN] if around else []
    environment = {**os.environ, "DEVTOOLS_TEST_SEEN": str(seen), "PYTHONPATH": str(Path(__file__).parent)}
    output = FOLDER / f"{suite.name}-{'with' if around else 'without'}.log"
    with output.open("wb") as log:
        subprocess.run(
            [*command, *(only or ("tests",))],
            cwd=suite.folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=MINUTES * 60,
            check=False,
        )
    if not report.exists():
        raise RuntimeError(f"The tests of {suite.name} did not run: see {output}.")
    return dict(_outcome(case) for case in ElementTree.parse(report).iter("testcase"))


def _outcome(case: ElementTree.Element) -> tuple[str, str]:
    kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
    name = f"{case.get('file') or case.get('classname')}::{case.get('name')}"
    return name, "+".join(sorted(kinds)) or "passed"


def compare(suite: Suite, only: tuple[str, ...] = ()) -> tuple[str, list[str]]:
    """One line that says what ran, and one for each test whose outcome is another one, or what else went wrong."""
    without, around = (run(suite, around=choice, only=only) for choice in (False, True))
    differing = [
        f"  {name}: {without.get(name, 'not run')} without, {around.get(name, 'not run')} with"
        for name in sorted(without.keys() | around.keys())
        if without.get(name) != around.get(name)
    ]
    seen = [json.loads(path.read_text()) for path in (FOLDER / f"{suite.name}-seen").glob("*.json")]
    complaints = [complaint for part in seen for complaint in part["complaints"]]
    apps, requests = (sum(part[name] for part in seen) for name in ("apps", "requests"))
    passed = sum(outcome == "passed" for outcome in without.values())
    line = (
        f"{suite.name} {suite.version}: {len(without)} tests ran, {passed} pass without devtools, {len(differing)} differ with it "
        f"({apps} apps, {requests} requests recorded, {len(complaints)} errors logged by devtools)"
    )
    if not apps or not requests:
        differing.append("  devtools was in no app that was asked anything: nothing is compared")
    return line, [*differing, *(f"  devtools: {complaint.splitlines()[0]}" for complaint in complaints)]


def main(arguments: list[str]) -> int:
    """Run the suites named, all of them where none is. Paths are those of tests to run in place of all."""
    suites = [SUITES[name] for name in arguments if name in SUITES] or list(SUITES.values())
    only = tuple(path for path in arguments if path not in SUITES)
    try:
        prepare(suites)
    except UnavailableError as error:
        print(f"The suites cannot be fetched. {error}", file=sys.stderr)
        return 2
    status = 0
    for suite in suites:
        line, differences = compare(suite, only)
        print("\n".join([line, *differences]), flush=True)
        status |= bool(differences)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
