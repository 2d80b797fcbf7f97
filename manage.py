#!/usr/bin/env python3
"""Runs a management command: `python manage.py help`. The logic is in `therapyconnect.cli`."""

import sys

from therapyconnect.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
