from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "therapyconnect.vault"
    label = "vault"
