"""Users and the care between them: rules held by services, and by the database under them."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from tests.accounts.api import PASSWORD, log_in
from tests.accounts.conftest import make_user
from therapyconnect.accounts import selectors, services
from therapyconnect.accounts.models import CareRelationship, User
from therapyconnect.core.errors import Conflict, Invalid, NotFound
from therapyconnect.core.ids import is_user_id


def test_an_address_is_stored_in_lower_case_and_once(db: None) -> None:
    assert make_user("t_abc123", "Therapist@Demo.TEST").email == "therapist@demo.test"
    with pytest.raises(Conflict) as caught:
        make_user("t_def456", "THERAPIST@demo.test")
    assert caught.value.problems[0].attr == "email"
    with pytest.raises(Conflict) as caught:
        make_user("t_abc123", "other@demo.test")
    assert caught.value.problems[0].attr == "id"


@pytest.mark.parametrize(
    "user_id", ["x_abc123", "t_ab", "t_" + "a" * 33, "t_ABC", "t_abc\n", "tabc", "", "t_é12"]
)
def test_an_id_has_its_shape_in_the_database_too(db: None, user_id: str) -> None:
    with pytest.raises(Invalid):
        make_user(user_id, "a@demo.test")
    with pytest.raises(Exception) as caught, transaction.atomic():
        User.objects.create_user(id=user_id, email="a@demo.test")
    assert "accounts_user_id_shape" in str(caught.value) or "too long" in str(caught.value)


def test_the_database_refuses_an_address_in_upper_case(therapist: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.update(email="Therapist@demo.test")


@pytest.mark.parametrize(
    ("changed", "attr"),
    [
        ({"email": "not-an-address"}, "email"),
        ({"password": "short"}, "password"),
        ({"first_name": "x" * 101}, "first_name"),
        ({"last_name": "a\x00b"}, "last_name"),
    ],
)
def test_what_is_wrong_is_named(db: None, changed: dict[str, Any], attr: str) -> None:
    fields: dict[str, Any] = {"id": "t_abc123", "email": "a@demo.test", "password": PASSWORD}
    with pytest.raises(Invalid) as caught:
        services.create_user(**{**fields, **changed})
    assert {problem.attr for problem in caught.value.problems} == {attr}
    assert User.objects.count() == 0


def test_deactivating_nobody_is_not_found(db: None) -> None:
    with pytest.raises(NotFound):
        services.deactivate_user(user_id="t_nobody")


def test_care_begins_once_and_ends_once(therapist: User, patient: User) -> None:
    ids = {"therapist_id": therapist.id, "patient_id": patient.id}
    begun = services.create_relationship(**ids)
    assert services.create_relationship(**ids) == begun
    assert selectors.active_relationship(**ids) == begun
    ended = services.end_relationship(**ids, ended_by=therapist.id)
    assert ended is not None
    assert ended.ended_by_id == therapist.id
    assert not ended.active
    assert services.end_relationship(**ids) is None
    assert selectors.active_relationship(**ids) is None
    again = services.create_relationship(**ids)
    assert again != begun
    assert list(selectors.relationships_of(patient.id)) == [again, begun]


def test_care_is_between_a_therapist_and_a_patient(therapist: User, patient: User) -> None:
    with pytest.raises(Invalid):
        services.create_relationship(therapist_id=patient.id, patient_id=therapist.id)
    with pytest.raises(NotFound):
        services.create_relationship(therapist_id=therapist.id, patient_id="p_nobody")
    with pytest.raises(IntegrityError), transaction.atomic():
        CareRelationship.objects.create(therapist=patient, patient=therapist)


def test_care_that_is_begun_at_once_by_many_begins_once(
    transactional_db: None, therapist: User, patient: User
) -> None:
    def begin(_: int) -> object:
        try:
            return services.create_relationship(therapist_id="t_abc123", patient_id="p_xyz789").id
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(begin, range(16)))) == 1
    assert CareRelationship.objects.count() == 1


def _createuser(monkeypatch: pytest.MonkeyPatch, password: str, *arguments: str) -> str:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    call_command("createuser", *arguments, "--password-stdin", stdout=out)
    return out.getvalue()


def test_createuser_makes_a_user_who_can_log_in(
    patient: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = _createuser(
        monkeypatch,
        PASSWORD,
        *("--role", "therapist", "--email", "New@demo.test", "--cares-for", "p_xyz789"),
    )
    user_id = out.split()[0]
    assert is_user_id(user_id)
    assert user_id.startswith("t_")
    assert log_in("new@demo.test").status == 200
    assert selectors.active_relationship(therapist_id=user_id, patient_id="p_xyz789")


@pytest.mark.parametrize(
    ("password", "arguments", "says"),
    [
        (PASSWORD, ("--role", "therapist", "--id", "p_abc"), "begins with t_"),
        (PASSWORD, ("--role", "therapist", "--id", "t_!"), "3 to 32"),
        (PASSWORD, ("--role", "patient", "--cares-for", "p_xyz789"), "Only a therapist"),
        (PASSWORD, ("--role", "therapist", "--cares-for", "p_nobody"), "no patient p_nobody"),
        (PASSWORD, ("--role", "therapist", "--cares-for", "t_abc"), "Not the id of a patient"),
        ("short", ("--role", "admin"), "too short"),
        ("", ("--role", "admin"), "no password"),
    ],
)
def test_createuser_says_what_is_wrong_and_changes_nothing(
    db: None,
    monkeypatch: pytest.MonkeyPatch,
    password: str,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    with pytest.raises(CommandError, match=says):
        _createuser(monkeypatch, password, *arguments, "--email", "new@demo.test")
    assert User.objects.count() == 0


def test_createuser_refuses_an_address_that_is_taken(
    therapist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match="this email exists"):
        _createuser(monkeypatch, PASSWORD, "--role", "admin", "--email", "therapist@demo.test")
