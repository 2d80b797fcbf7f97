"""Chats of two and their messages."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q


class Chat(models.Model):
    id = models.CharField(max_length=100, primary_key=True)
    therapist = models.ForeignKey(User, models.CASCADE, related_name="+")
    patient = models.ForeignKey(User, models.CASCADE, related_name="+")
    is_active = models.BooleanField(default=True)

    @classmethod
    def of(cls, user, chat_id):
        """The chat, where `user` is one of its two; else `Chat.DoesNotExist`."""
        return cls.objects.get(Q(therapist=user) | Q(patient=user), id=chat_id)


class Message(models.Model):
    chat = models.ForeignKey(Chat, models.CASCADE, related_name="messages")
    sender = models.ForeignKey(User, models.CASCADE, related_name="+")
    client_message_id = models.CharField(max_length=64)
    text = models.TextField()
    timestamp = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("chat", "sender", "client_message_id", name="once"),
        ]
