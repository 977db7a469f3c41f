"""Which distribution this is, and a clash with the other one that installs the same import package."""

import importlib.metadata

DISTRIBUTION = "devtools-server"
OTHER_DISTRIBUTION = "devtools"


def version() -> str:
    """The version of this distribution; `unknown` where it is not installed."""
    return _version_of(DISTRIBUTION) or "unknown"


def find_clash() -> str | None:
    """What to do about the distribution `devtools`, which installs the same import package; None when it is not there."""
    other = _version_of(OTHER_DISTRIBUTION)
    if other is None:
        return None
    return (
        f"The distribution {OTHER_DISTRIBUTION} {other} installs the same import name: whichever came last has overwritten files "
        f"of the other. Run: pip uninstall -y {OTHER_DISTRIBUTION} && pip install --force-reinstall --no-deps {DISTRIBUTION}"
    )


def describe_version() -> str:
    """`devtools-server 0.1.0`, and a line about a clash where there is one."""
    return "\n".join(filter(None, [f"{DISTRIBUTION} {version()}", find_clash()]))


def _version_of(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
