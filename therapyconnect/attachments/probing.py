"""Whether the scanner would find something: it is shown the test virus in a file of full size."""

from __future__ import annotations

import tempfile
import zipfile
from typing import Final

from therapyconnect.attachments.inspection.limits import MAX_FILE_BYTES, MIB
from therapyconnect.attachments.scanning import Clean, Scanner, ScannerDown

# Backwards: in one piece, scanners would take this source for infected, as they should.
EICAR: Final = r"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X"[
    ::-1
].encode()

_SETTINGS: Final = (
    "set StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf as docs/guide/attachments.md"
    " says"
)


def try_out(scanner: Scanner) -> str | None:
    """What is wrong, or None. Files above `MaxFileSize` are unread and clean to a `clamd`.

    So the virus, EICAR's harmless one, lies in an archive as large as an attachment may be. The
    scanner's own log will tell of it. Raises `ScannerDown`, not for a limit.
    """
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("eicar.com", EICAR)
            with archive.open("padding", "w") as padding:
                for _ in range(MAX_FILE_BYTES // MIB):
                    padding.write(bytes(MIB))
        file.seek(0)
        try:
            verdict = scanner.scan(file)
        except ScannerDown as down:
            if down.reason != "limit":
                raise
            return f"refuses files of {MAX_FILE_BYTES // MIB} MiB: {_SETTINGS}"
    if isinstance(verdict, Clean):
        return f"let the test virus pass: fetch its signatures with freshclam, and {_SETTINGS}"
    return None
