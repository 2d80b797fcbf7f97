"""What the child gives up before it reads a hostile byte. Standard library only."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import Final

from therapyconnect.attachments.inspection.limits import MAX_STORED_BYTES, Limits

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


def confine(limits: Limits) -> None:
    """Bounds that this process can't lift again. It may not outlive the server, either."""
    parent = os.getppid()
    for what, most in (
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_AS, limits.address_space),
        (resource.RLIMIT_DATA, limits.address_space),
        (resource.RLIMIT_FSIZE, MAX_STORED_BYTES),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
        # No process and no thread more; the kernel doesn't hold root to it.
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.umask(0o077)
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in (
        (_PR_SET_PDEATHSIG, signal.SIGKILL),
        (_PR_SET_NO_NEW_PRIVS, 1),
        (_PR_SET_DUMPABLE, 0),
    ):
        libc.prctl(option, value, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
