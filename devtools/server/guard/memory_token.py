"""The token that is kept nowhere: the same in all workers of one server, another one at its next start.

`uvicorn --workers` and `--reload` never import the app in their parent, so no variable of the environment could carry it. What
siblings do share is the random key that `multiprocessing` gives every process it starts: it is passed from parent to child in
memory, and another user cannot read it.
"""

import base64
import hashlib
import hmac
import sys
from typing import Any

from devtools.server.guard.token_file import new_token

KEY_BYTES = 32
PURPOSE = b"devtools token"


def memory_token() -> str:
    """The token of this process and of its siblings; a random one for a process on its own."""
    key = _shared_key()
    if key is None:
        return new_token()
    return base64.urlsafe_b64encode(hmac.digest(key, PURPOSE, hashlib.sha256)).rstrip(b"=").decode()


def _shared_key() -> bytes | None:
    """The key of `multiprocessing`, where it started this process. One that was set by hand may be known to others: None."""
    # Not imported here: a process where nobody has imported it was not started by it.
    module: Any = sys.modules.get("multiprocessing.process")  # Any: looked up by its name
    if module is None or module.parent_process() is None:
        return None
    key = bytes(module.current_process().authkey)
    return None if len(key) != KEY_BYTES or key.isascii() else key
