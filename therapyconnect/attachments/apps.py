from django.apps import AppConfig


class AttachmentsConfig(AppConfig):
    name = "therapyconnect.attachments"
    label = "attachments"
