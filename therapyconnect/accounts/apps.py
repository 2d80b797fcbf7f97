from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "therapyconnect.accounts"
    label = "accounts"
