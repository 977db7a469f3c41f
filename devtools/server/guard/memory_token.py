"""The token that is kept nowhere: the same in all workers of one server, another one at its next start.

`uvicorn --workers`, `--reload` and gunicorn without `--preload` never import the app in their parent, so no variable of the
environment could carry it. What siblings do share is the random key of `multiprocessing`: it is passed from parent to child in
memory, and another user cannot read it. Workers of gunicorn have their master's, which imported `multiprocessing` with uvicorn's
worker class.
"""

import base64
import hashlib
import hmac
import sys
from typing import Any

from devtools.server.guard.token_file import new_token

KEY_BYTES = 32
PURPOSE = b"devtools token"
_GUNICORN = "gunicorn.arbiter"


def memory_token() -> str:
    """The token of this process and of its siblings; a random one for a process on its own."""
    key = _shared_key()
    if key is None:
        return new_token()
    return base64.urlsafe_b64encode(hmac.digest(key, PURPOSE, hashlib.sha256)).rstrip(b"=").decode()


def _shared_key() -> bytes | None:
    """The key of `multiprocessing`, where that or gunicorn started this process. One set by hand may be known to others: None."""
    # Not imported here: a process where nobody has imported it has no key of its parent.
    module: Any = sys.modules.get("multiprocessing.process")  # Any: looked up by its name
    if module is None or (module.parent_process() is None and _GUNICORN not in sys.modules):
        return None
    key = bytes(module.current_process().authkey)
    return None if len(key) != KEY_BYTES or key.isascii() else key
