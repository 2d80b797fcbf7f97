"""A crew whose workers do what a file says: `crew_under_test.py FOLDER COUNT READY_SECONDS`.

`FOLDER/how` holds `serve`, `die` or `hang`; each worker notes its start in `FOLDER/starts`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from therapyconnect.serving.crew import Crew

WORKER = """
import os, select, sys
ready, life, folder = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
how = open(folder + "/how").read()
with open(folder + "/starts", "a") as starts:
    starts.write(how + " " + str(os.getpid()) + "\\n")
if how == "die":
    sys.exit(3)
if how == "serve":
    os.write(ready, b".")
select.select([life], [], [])
"""


def main() -> int:
    folder, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])

    def command(listening: int, ready: int, life: int) -> Sequence[str]:
        if (Path(folder) / "how").read_text() == "lost":
            return ["/nonexistent/program"]
        return [sys.executable, "-c", WORKER, *map(str, (listening, ready, life)), folder]

    crew = Crew(command, count=count, host="127.0.0.1", port=0, ready_seconds=seconds)
    return crew.run(lambda: print("ready", flush=True))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
