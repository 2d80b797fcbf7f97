from django.apps import AppConfig
from django.core.checks import register


class CrisisConfig(AppConfig):
    name = "therapyconnect.crisis"
    label = "crisis"

    def ready(self) -> None:
        from therapyconnect.crisis.resources import check_table

        register(check_table)
