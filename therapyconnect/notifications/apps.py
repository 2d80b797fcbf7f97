from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "therapyconnect.notifications"
    label = "notifications"
