"""The version line, and a clash with the other distribution that installs the same import name."""

import importlib.metadata

DISTRIBUTION = "devtools-server"
OTHER_DISTRIBUTION = "devtools"


def find_clash() -> str | None:
    """What to do about the distribution `devtools`, which installs the same import package; None when it is not there."""
    try:
        other = importlib.metadata.version(OTHER_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return None
    return (
        f"The distribution devtools {other} installs the same import name and overwrites parts of this one. "
        f"Run: pip uninstall devtools && pip install --force-reinstall {DISTRIBUTION}"
    )


def describe_version() -> str:
    """`devtools-server 0.1.0`, and a line about a clash where there is one."""
    try:
        own = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        own = "(not installed)"
    return "\n".join(filter(None, [f"{DISTRIBUTION} {own}", find_clash()]))
