"""`manage.py crisisresources`: what is shown where, and the table for the documents."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from therapyconnect.crisis.page import lines_for, markdown_table
from therapyconnect.crisis.resources import resources_for, table


class Command(BaseCommand):
    help = (
        "Show what a patient in a region is told, or, without a region, the whole table.\n\n"
        "Example: python manage.py crisisresources CA-QC fr"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("region", nargs="?", help="ISO 3166-1 or 3166-2, as CH or CA-BC")
        parser.add_argument("language", nargs="?", default="en", help="as en or de-CH")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["region"] is None:
            self.stdout.write(markdown_table(table()))
            return
        for line in lines_for(resources_for(options["region"], options["language"])):
            self.stdout.write(line)
