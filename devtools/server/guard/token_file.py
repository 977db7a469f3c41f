"""The token kept between starts: one file of one user, made once however many processes start at the same time."""

import contextlib
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Generator, Mapping
from pathlib import Path

NAME = "token"
LOCK_NAME = "token.lock"
LOCK_SECONDS = 5.0

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,512}")
_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC


def new_token() -> str:
    """256 random bits as text for a header or a URL fragment."""
    return secrets.token_urlsafe(32)


def default_directory(environment: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/devtools`, else `~/.local/state/devtools`. Raises OSError when there is no home."""
    given = Path(environment.get("XDG_STATE_HOME", ""))
    if given.is_absolute():
        return given / "devtools"
    try:
        return Path.home() / ".local" / "state" / "devtools"
    except RuntimeError as error:
        raise FileNotFoundError("this user has no home directory") from error


def keep_token(directory: Path) -> str:
    """The token in `directory`, made when there is none.

    A file that others could have read or written is not trusted: it is replaced. Raises OSError where it cannot be kept safely.
    """
    folder = _open_folder(directory)
    try:
        return _read(folder) or _make(folder)
    finally:
        os.close(folder)


def kept_token(directory: Path) -> str | None:
    """The token in `directory`; None where there is none that can be trusted. Makes and changes nothing."""
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | _SAFE)
    except OSError:
        return None
    try:
        return _read(folder)
    finally:
        os.close(folder)


def _open_folder(directory: Path) -> int:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | _SAFE)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid():
            raise PermissionError(f"{directory} belongs to another user")
        if stat.S_IMODE(status.st_mode) & 0o077:
            os.fchmod(folder, 0o700)
    except BaseException:
        os.close(folder)
        raise
    return folder


def _read(folder: int) -> str | None:
    """The stored token; None when there is none that can be trusted. Never follows a link, never waits for a pipe."""
    try:
        file = os.open(NAME, os.O_RDONLY | os.O_NONBLOCK | _SAFE, dir_fd=folder)
    except OSError:
        return None
    try:
        status = os.fstat(file)
        ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_nlink == 1
        if not ours or stat.S_IMODE(status.st_mode) & 0o077:
            return None
        text = os.read(file, 1_024).decode("ascii", "replace").strip()
        return text if _TOKEN.fullmatch(text) else None
    finally:
        os.close(file)


def _make(folder: int) -> str:
    with _locked(folder):
        found = _read(folder)
        if found is not None:
            return found
        token = new_token()
        _write(folder, token)
        return token


def _write(folder: int, token: str) -> None:
    """Put the whole file there in one step: a reader sees the old one, none, or the new one."""
    name = f".{NAME}-{secrets.token_hex(8)}"
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o600, dir_fd=folder)
    try:
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(token + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, NAME, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise


@contextlib.contextmanager
def _locked(folder: int) -> Generator[None]:
    """Hold the lock beside the file; a holder that is stopped for longer than `LOCK_SECONDS` raises TimeoutError here."""
    file = os.open(LOCK_NAME, os.O_RDWR | os.O_CREAT | _SAFE, 0o600, dir_fd=folder)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{LOCK_NAME} is held by another process") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(file)
