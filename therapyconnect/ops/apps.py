from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "therapyconnect.ops"
    label = "ops"
