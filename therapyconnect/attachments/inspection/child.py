"""The child process: one file on standard input, its bounds as the argument, one message back.

Started by path in an isolated interpreter. First it gives up what it won't need, then it says that
it is ready, and only then reads the first byte of the file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import msgspec

from therapyconnect.attachments.inspection.confinement import confine
from therapyconnect.attachments.inspection.judges import judge_file
from therapyconnect.attachments.inspection.limits import Limits
from therapyconnect.attachments.inspection.message import (
    BROKEN,
    READY,
    Message,
    Stopped,
    encode,
)
from therapyconnect.attachments.inspection.outcome import Refused


def main(argument: str) -> None:
    confine(msgspec.json.decode(argument, type=Limits))
    os.write(1, READY)
    with os.fdopen(0, "rb") as file:
        message: Message
        try:
            message = judge_file(file)
        except Refused as refused:
            message = Stopped(refused.code)
        except ImportError:
            # Of this installation, not of the file: the libraries are loaded as they are needed.
            message = Stopped(BROKEN)
        except (MemoryError, RecursionError):
            message = Stopped("too_complex")
        except Exception:
            # A library met what its authors had not thought of: no sound file does that.
            message = Stopped("damaged_file")
    os.write(1, encode(message))
    # Nothing to tidy up: the server takes the folder. What is loaded need not be unloaded.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
