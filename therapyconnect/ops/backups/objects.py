"""The attachments' objects, which a backup of the database does not hold.

They are sealed with the chats' keys, so the folder (or the bucket) can be copied as it is. A row is
there before its objects and goes after them: a copy that begins when the backup has ended
has every object that the backup's rows name, but for what was removed in between.
"""

from __future__ import annotations

from django.conf import settings

from therapyconnect.attachments import storage
from therapyconnect.attachments.models import Attachment, State
from therapyconnect.config.environment import ENVIRONMENT


def where() -> str:
    """Where the objects lie, for a person."""
    return ENVIRONMENT.storage or str(settings.STORAGES[storage.ALIAS]["OPTIONS"]["location"])


def count() -> int:
    """How many files there are."""
    return Attachment.objects.filter(doomed_at=None).count()


def missing() -> int:
    """How many files can't be had, since the store has not all their objects."""
    rows = Attachment.objects.filter(doomed_at=None).exclude(state=State.UPLOADING)
    names = rows.values_list("object_name", "thumbnail_name").iterator(chunk_size=1_000)
    return sum(not all(storage.exists(n) for n in objects if n is not None) for objects in names)
