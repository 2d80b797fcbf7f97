from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "therapyconnect.messaging"
    label = "messaging"
