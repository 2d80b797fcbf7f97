"""A process that holds a lease, for the tests to start, talk to and kill.

Arguments: the data folder, and what to do: `hold` until told otherwise, or `loop N` leases.
Speaks JSON lines; on standard input, `release` ends it the proper way.
"""

import json
import sys
from pathlib import Path

from therapyconnect.embedded import EmbeddedPostgresError, lease


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> int:
    data, what = Path(sys.argv[1]), sys.argv[2]
    try:
        if what == "loop":
            for _ in range(int(sys.argv[3])):
                with lease(data) as held:
                    say(pid=held.server_pid())
            return 0
        held = lease(data)
    except EmbeddedPostgresError as error:
        say(error=str(error))
        return 2
    say(pid=held.server_pid(), url=held.url)
    for line in sys.stdin:
        if line.strip() == "release":
            held.release()
            say(released=True)
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
