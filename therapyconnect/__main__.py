"""`python -m therapyconnect …` is `python manage.py …`."""

import sys

from therapyconnect.cli import main

if __name__ == "__main__":
    sys.exit(main(["therapyconnect", *sys.argv[1:]]))
