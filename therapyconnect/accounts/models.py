"""Users, the care relationships between them, and their sessions."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Left, Lower
from django.db.models.lookups import Exact

from therapyconnect.accounts.digests import DIGEST_LENGTH
from therapyconnect.core.clock import now
from therapyconnect.core.ids import USER_ID_PATTERN, Role, role_of


def normalise_email(email: str) -> str:
    """The one spelling in which an address is stored and looked up."""
    return email.strip().lower()


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, *, id: str, email: str, password: str | None = None, **fields: Any
    ) -> User:
        """A new row; without a password nobody can log in by one. Rules are the service's."""
        user = self.model(id=id, email=normalise_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db, force_insert=True)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=normalise_email(username or ""))


class User(AbstractBaseUser):
    """A therapist, a patient or an admin; the id holds the role, which never changes."""

    id = models.CharField(primary_key=True, max_length=34)
    email = models.EmailField()
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "accounts_user"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(id__regex=USER_ID_PATTERN), name="accounts_user_id_shape"
            ),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="accounts_user_email_lower"
            ),
            models.UniqueConstraint(fields=["email"], name="accounts_user_email_unique"),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def role(self) -> Role:
        return role_of(self.id)

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_session_auth_hash(self) -> str:
        """What ties a session to the password that it was opened with.

        Sessions are rows, not signed cookies, so a plain hash of the stored hash is enough, and
        `PRINCIPAL_SQL` can compare it: however a password is changed, its sessions end at once.
        """
        return hashlib.sha256(self.password.encode()).hexdigest()

    def get_session_auth_fallback_hash(self) -> Any:
        return iter(())


class CareRelationship(models.Model):
    """A therapist cares for a patient, from `started_at` until `ended_at`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    therapist = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="caseload", db_index=False
    )
    patient = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="carers", db_index=False
    )
    started_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        db_table = "accounts_carerelationship"
        constraints = [
            models.UniqueConstraint(
                fields=["therapist", "patient"],
                condition=models.Q(ended_at__isnull=True),
                name="accounts_care_one_active",
            ),
            models.CheckConstraint(
                condition=Exact(Left("therapist", 2), "t_"), name="accounts_care_therapist"
            ),
            models.CheckConstraint(
                condition=Exact(Left("patient", 2), "p_"), name="accounts_care_patient"
            ),
        ]
        indexes = [
            models.Index(fields=["therapist", "started_at"], name="accounts_care_by_therapist"),
            models.Index(fields=["patient", "started_at"], name="accounts_care_by_patient"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def active(self) -> bool:
        return self.ended_at is None


class Session(models.Model):
    """A session, under the digest of the secret that opens it.

    `data` is sealed and bound to the digest. `user` and `auth_hash` are taken from the data when
    it is saved, for the queries that check a token. The `refresh_` columns name the one refresh
    token that is good, and the one before it, which is good for a moment longer.
    """

    key = models.CharField(primary_key=True, max_length=DIGEST_LENGTH)
    data = models.BinaryField()
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, db_index=False)
    auth_hash = models.CharField(max_length=64, default="", blank=True)
    created_at = models.DateTimeField(default=now)
    expire_date = models.DateTimeField(db_index=True)
    refresh_id = models.CharField(max_length=32, default="", blank=True)
    refresh_previous = models.CharField(max_length=32, default="", blank=True)
    refresh_rotated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "accounts_session"
        indexes = [models.Index(fields=["user"], name="accounts_session_user")]

    def __str__(self) -> str:
        return self.key


class Limit(models.Model):
    """A counter of the log-in limits, under a keyed digest of what it counts."""

    key = models.CharField(primary_key=True, max_length=64)
    value = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "accounts_limit"

    def __str__(self) -> str:
        return self.key


class UserSettings(models.Model):
    """A person's own settings. No row: the defaults, which the database holds too.

    `language` is BCP 47, `region` ISO 3166-1 or 3166-2 ("" unknown), `time_zone` an IANA name;
    quiet hours are local times in it. The last two columns are read for therapists only.
    """

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE)
    language = models.CharField(max_length=35, default="en", db_default="en")
    region = models.CharField(max_length=6, default="", db_default="", blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    quiet_start = models.TimeField(null=True, blank=True)
    quiet_end = models.TimeField(null=True, blank=True)
    receives_emergencies = models.BooleanField(default=True, db_default=True)
    working_hours = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "accounts_usersettings"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quiet_start__isnull=True, quiet_end__isnull=True)
                | models.Q(quiet_start__isnull=False, quiet_end__isnull=False),
                name="accounts_settings_quiet_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.user_id


class Quota(models.Model):
    """A token bucket: `tokens` were left at `at`. A row that has filled up again may be deleted."""

    key = models.TextField(primary_key=True)
    tokens = models.FloatField()
    at = models.DateTimeField()

    class Meta:
        db_table = "accounts_quota"

    def __str__(self) -> str:
        return self.key
