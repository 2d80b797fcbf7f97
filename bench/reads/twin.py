"""The same two pages as Django REST framework teaches them: model objects and serializers.

Served by the same server, from the same rows, behind the same token, with the same fields. Kept
honest: `select_related`, subqueries rather than a query per row, the last messages of a page in one
query. What differs is what is compared: objects of the ORM, and serializer fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Case, F, OuterRef, QuerySet, Subquery, When
from django.shortcuts import get_object_or_404
from rest_framework import generics, serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.ids import MessageRef
from therapyconnect.core.queries import run
from therapyconnect.messaging.models import Chat, Message, Receipt
from therapyconnect.messaging.policies.standing import status_of
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.seals import open_text

PAGE = 50


class MessageSerializer(serializers.ModelSerializer[Message]):
    id = serializers.SerializerMethodField()
    sender_name = serializers.CharField(source="sender.full_name", default="")
    text = serializers.SerializerMethodField()
    attachment_url = serializers.CharField(default=None)
    attachment_name = serializers.CharField(default=None)
    attachment_size = serializers.IntegerField(default=None)
    attachment_state = serializers.CharField(default=None)
    payload = serializers.JSONField(default=None)
    read_status = serializers.SerializerMethodField()
    delivered_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField()
    read_by = serializers.SerializerMethodField()
    reply_to = serializers.CharField(default=None)
    reply_to_text = serializers.CharField(default=None)
    edited = serializers.SerializerMethodField()
    deleted = serializers.SerializerMethodField()
    timestamp = serializers.DateTimeField(source="created_at")

    class Meta:
        model = Message
        fields = (
            "id", "chat_id", "seq", "changed_seq", "client_message_id", "sender_id", "sender_name",
            "text", "message_type", "emergency", "attachment_url", "attachment_name",
            "attachment_size", "attachment_state", "payload", "read_status", "delivered_at",
            "read_at", "read_by", "reply_to", "reply_to_text", "edited", "edited_at", "deleted",
            "deleted_at", "deleted_by_id", "timestamp",
        )  # fmt: skip

    def get_id(self, message: Message) -> str:
        return MessageRef(message.chat_id, message.seq).id

    def get_text(self, message: Message) -> str | None:
        if message.deleted_at is not None:
            return None
        cipher = self.context["ciphers"].require(message.chat_id)
        return open_text(cipher, message.text_sealed, seq=message.seq, version=message.version)

    def get_read_status(self, message: Message) -> str:
        if message.read_at is not None:
            return "read"
        return "delivered" if message.delivered_at is not None else "sent"

    def get_read_by(self, message: Message) -> str | None:
        if message.read_at is None:
            return None
        chat = message.chat
        return chat.patient_id if message.sender_id == chat.therapist_id else chat.therapist_id

    def get_edited(self, message: Message) -> bool:
        return message.edited_at is not None

    def get_deleted(self, message: Message) -> bool:
        return message.deleted_at is not None


class ChatSerializer(serializers.ModelSerializer[Chat]):
    therapist_first_name = serializers.CharField(source="therapist.first_name")
    therapist_last_name = serializers.CharField(source="therapist.last_name")
    therapist_full_name = serializers.CharField(source="therapist.full_name")
    patient_first_name = serializers.CharField(source="patient.first_name")
    patient_last_name = serializers.CharField(source="patient.last_name")
    patient_full_name = serializers.CharField(source="patient.full_name")
    status = serializers.SerializerMethodField()
    last_message_text = serializers.SerializerMethodField()
    last_message_timestamp = serializers.SerializerMethodField()
    last_message_sender_id = serializers.SerializerMethodField()
    marked_unread = serializers.BooleanField(source="therapist_marked_unread")

    class Meta:
        model = Chat
        fields = (
            "id", "therapist_id", "patient_id", "therapist_first_name", "therapist_last_name",
            "therapist_full_name", "patient_first_name", "patient_last_name", "patient_full_name",
            "status", "last_message_text", "last_message_timestamp", "last_message_sender_id",
            "therapist_unread_count", "patient_unread_count", "therapist_notifications",
            "patient_notifications", "marked_unread", "created_at", "updated_at",
        )  # fmt: skip

    def get_status(self, chat: Chat) -> str:
        blocked = chat.blocked_by_therapist_at or chat.blocked_by_patient_at
        return status_of(
            archived=chat.archived_at is not None,
            blocked=blocked is not None,
            deleted=chat.deleted_at is not None,
        )

    def _last(self, chat: Chat) -> Message | None:
        found: Message | None = self.context["last"].get(chat.id)
        return found

    def get_last_message_text(self, chat: Chat) -> str | None:
        last = self._last(chat)
        if last is None or last.deleted_at is not None:
            return None
        cipher = self.context["ciphers"].require(chat.id)
        return open_text(cipher, last.text_sealed, seq=last.seq, version=last.version)

    def get_last_message_timestamp(self, chat: Chat) -> Any:
        last = self._last(chat)
        return last.created_at if last is not None else None

    def get_last_message_sender_id(self, chat: Chat) -> str | None:
        last = self._last(chat)
        return last.sender_id if last is not None else None


def _page(rows: Sequence[Any], serializer: Any) -> Response:
    more = len(rows) > PAGE
    return Response({"results": serializer.data, "next": more or None, "previous": None})


class MessageList(generics.GenericAPIView[Message]):
    renderer_classes = (JSONRenderer,)

    def get(self, request: Request) -> Response:
        chats = Chat.objects.filter(therapist_id=request.user.id, deleted_at=None)
        chat = get_object_or_404(chats, id=request.query_params["chat_id"])
        rows = list(self._messages(chat, request.query_params.get("before_seq"))[: PAGE + 1])
        context = {"ciphers": run(load_ciphers([chat.id]))}
        return _page(rows, MessageSerializer(rows[:PAGE], many=True, context=context))

    def _messages(self, chat: Chat, before: str | None) -> QuerySet[Message]:
        reader = Case(
            When(sender_id=F("chat__therapist_id"), then=F("chat__patient_id")),
            default=F("chat__therapist_id"),
        )
        found = Message.objects.filter(chat=chat).annotate(reader=reader)
        if before is not None:
            found = found.filter(seq__lt=int(before))
        moves = Receipt.objects.filter(
            chat_id=chat.id, reader_id=OuterRef("reader"), up_to_seq__gte=OuterRef("seq")
        ).order_by("up_to_seq")
        return (
            found.annotate(
                delivered_at=Subquery(moves.filter(kind=Receipt.DELIVERED).values("at")[:1]),
                read_at=Subquery(moves.filter(kind=Receipt.READ).values("at")[:1]),
            )
            .select_related("sender", "chat")
            .order_by("-seq")
        )


class ChatList(generics.GenericAPIView[Chat]):
    renderer_classes = (JSONRenderer,)

    def get(self, request: Request) -> Response:
        rows = list(
            Chat.objects.filter(therapist_id=request.user.id, deleted_at=None)
            .select_related("therapist", "patient")
            .order_by("-active_at", "-id")[: PAGE + 1]
        )
        keys = [(chat.id, chat.last_message_seq) for chat in rows[:PAGE]]
        context = {
            "last": {last.chat_id: last for last in Message.objects.filter(pk__in=keys)},
            "ciphers": run(load_ciphers(chat.id for chat in rows)),
        }
        return _page(rows, ChatSerializer(rows[:PAGE], many=True, context=context))
