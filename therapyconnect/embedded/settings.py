"""The server's settings: one file of ours that the cluster's own configuration includes.

It is written anew before each start, so an upgrade of TherapyConnect brings its settings along,
and `ALTER SYSTEM` is off: what is written here is what runs.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .folder import PORT, Folder

FILE = "therapyconnect.conf"
_MB = 1024 * 1024

# No TCP, and no way in without a password. "local" covers replication connections separately.
HBA = """\
# Written by TherapyConnect. Only the local socket, only with a password.
local   all          all   scram-sha-256
local   replication  all   scram-sha-256
"""

_FIXED = """\
# Durability: an acknowledged message is on the disk.
fsync = on
synchronous_commit = on
full_page_writes = on

# Checkpoints far apart and spread: full-page images cost more than a longer recovery.
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
wal_compression = on
min_wal_size = 256MB

# The log never holds a patient's words: no statements, no parameters, no DETAIL (which quotes
# rows, and the statement that a crashed process ran), and no ERROR lines, whose very first words
# may quote a value. The client is told its errors; the log keeps LOG, FATAL and PANIC.
log_destination = 'stderr'
logging_collector = off
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = none
log_duration = off
log_min_duration_statement = -1
log_min_duration_sample = -1
log_transaction_sample_rate = 0
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_replication_commands = off
log_lock_waits = on
log_line_prefix = '%m [%p] '
log_startup_progress_interval = 1s
debug_print_plan = off
debug_print_parse = off
debug_print_rewritten = off

# Short statements on rows: compiling them costs more than it gives.
jit = off
random_page_cost = 1.1

track_io_timing = on
track_wal_io_timing = on

max_connections = 200
password_encryption = scram-sha-256
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
restart_after_crash = on
allow_alter_system = off
"""


def text(folder: Folder) -> bytes:
    """The whole file, as bytes: a path may hold any."""
    memory = memory_bytes()
    shared_buffers = min(max(memory // 16, 128 * _MB), 512 * _MB)
    # A small disk must not be filled by WAL that only waits for a checkpoint.
    roomy = shutil.disk_usage(folder.home).free > 20 * 1024 * _MB
    lines = [
        "# Written by TherapyConnect before each start: changes made here do not stay.",
        "listen_addresses = ''",
        f"port = {PORT}",
        "unix_socket_permissions = 0700",
        f"shared_buffers = {shared_buffers // _MB}MB",
        f"effective_cache_size = {max(memory // 2, 256 * _MB) // _MB}MB",
        f"maintenance_work_mem = {64 if memory < 4096 * _MB else 128}MB",
        f"max_wal_size = {4 if roomy else 2}GB",
        _FIXED,
    ]
    return b"\n".join(
        [
            *(line.encode() for line in lines),
            b"unix_socket_directories = " + _quoted_dir(folder.server_socket_dir),
            b"",
        ]
    )


def _quoted_dir(path: Path) -> bytes:
    """A path in a list setting: double quotes for the list, single ones for the file."""
    item = b'"' + os.fsencode(path).replace(b'"', b'""') + b'"'
    return b"'" + item.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"


def memory_bytes() -> int:
    """Memory of the machine, or of the container that we are in."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(limit).read_text()))
        except (OSError, ValueError):
            continue
    return total
