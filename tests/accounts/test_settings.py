"""One's own settings: defaults, merged changes, and one's own only."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from tests.accounts.api import Answer, Api
from tests.accounts.conftest import make_user
from therapyconnect.accounts.models import User, UserSettings
from therapyconnect.accounts.services.sessions import open_sessions
from therapyconnect.accounts.settings_policy import working_hours_problem
from therapyconnect.accounts.settings_regions import (
    COUNTRIES,
    is_time_zone,
    normal_language,
    normal_region,
)
from therapyconnect.accounts.tokens import mint_access

PATH = "/api/me/settings/"
DEFAULTS = {"language": "en", "region": "", "time_zone": "UTC", "quiet_hours": None}
THERAPISTS = {"receives_emergencies": True, "working_hours": None}
WEEK = {"mon": [["09:00", "12:00"], ["12:00", "17:00"]], "sun": [["22:00", "24:00"]]}


def api_of(user: User) -> Api:
    session_id = open_sessions([user])[user.id]
    return Api(token=mint_access(user_id=user.id, session_id=session_id))


@pytest.fixture
def they(patient: User) -> Api:
    return api_of(patient)


@pytest.fixture
def we(therapist: User) -> Api:
    return api_of(therapist)


def get(api: Api) -> dict[str, Any]:
    answer = api.call("GET", PATH)
    assert answer.status == 200, answer
    return answer.body


def change(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.call("PATCH", PATH, fields)
    assert answer.status == 200, answer
    assert answer.body == get(api)
    return answer.body


def refused(api: Api, **fields: Any) -> list[tuple[str, str]]:
    before = get(api)
    answer = api.call("PATCH", PATH, fields)
    assert answer.status == 400, answer
    assert get(api) == before
    return [(error["code"], error["attr"]) for error in answer.body["errors"]]


def test_no_row_means_the_defaults(they: Api, we: Api, admin: Api) -> None:
    assert get(they) == {"user_id": "p_xyz789", **DEFAULTS}
    assert get(we) == {"user_id": "t_abc123", **DEFAULTS, **THERAPISTS}
    assert get(admin) == {"user_id": "a_admin1", **DEFAULTS}
    assert change(they) == {"user_id": "p_xyz789", **DEFAULTS}
    assert not UserSettings.objects.exists()


@pytest.fixture
def admin(db: None) -> Api:
    return api_of(make_user("a_admin1", "admin@demo.test"))


def test_a_change_touches_only_what_it_names(they: Api) -> None:
    assert change(they, region="CH")["region"] == "CH"
    night = {"start": "22:00", "end": "07:00"}
    after = change(they, language="de-CH", quiet_hours=night)
    assert after == {
        "user_id": "p_xyz789", "language": "de-CH", "region": "CH", "time_zone": "UTC",
        "quiet_hours": night,
    }  # fmt: skip
    assert change(they, time_zone="Europe/Zurich") == {**after, "time_zone": "Europe/Zurich"}
    cleared = change(they, quiet_hours=None, region=None)
    assert (cleared["quiet_hours"], cleared["region"]) == (None, "")
    assert cleared["language"] == "de-CH"


def test_a_therapists_own(we: Api) -> None:
    after = change(we, receives_emergencies=False, working_hours=WEEK)
    assert (after["receives_emergencies"], after["working_hours"]) == (False, WEEK)
    assert change(we, region="DE")["working_hours"] == WEEK
    assert change(we, working_hours={"sun": [], "tue": [["08:00", "09:00"]]})["working_hours"] == {
        "tue": [["08:00", "09:00"]]
    }
    assert change(we, working_hours={})["working_hours"] == {}
    assert change(we, working_hours=None)["working_hours"] is None


def test_days_come_in_the_weeks_order(we: Api) -> None:
    mixed = {"sun": [["01:00", "02:00"]], "thu": [["01:00", "02:00"]], "mon": [["01:00", "02:00"]]}
    assert list(change(we, working_hours=mixed)["working_hours"]) == ["mon", "thu", "sun"]
    assert list(get(we)["working_hours"]) == ["mon", "thu", "sun"]


@pytest.mark.parametrize("field", ["receives_emergencies", "working_hours"])
def test_a_therapists_setting_is_no_one_elses(they: Api, admin: Api, field: str) -> None:
    for api in (they, admin):
        value = {"receives_emergencies": True, "working_hours": None}[field]
        assert refused(api, region="CH", **{field: value}) == [("therapists_only", field)]


WRONG: list[tuple[str, Any]] = [
    ("language", ""), ("language", "e"), ("language", "english language"), ("language", None),
    ("language", "en_US"), ("language", "de-CH\n"), ("language", "x" * 36), ("language", 1),
    ("language", "dé"), ("language", "en-"), ("language", "en\x00"),
    ("region", "UK"), ("region", "CHE"), ("region", "C"), ("region", "CA-"), ("region", "CA-BCDE"),
    ("region", "ZZ"), ("region", "XX-1"), ("region", 1), ("region", "ch\n"), ("region", "\u017fs"),
    ("time_zone", "Mars/Base"), ("time_zone", ""), ("time_zone", "../etc/passwd"),
    ("time_zone", "Europe"), ("time_zone", "europe/zurich"), ("time_zone", "localtime"),
    ("time_zone", "posix/UTC"), ("time_zone", None), ("time_zone", "UTC\x00"), ("time_zone", 0),
    ("quiet_hours", {}), ("quiet_hours", {"start": "22:00"}), ("quiet_hours", "22:00-07:00"),
    ("quiet_hours", {"start": "22:00", "end": "22:00"}), ("quiet_hours", []),
    ("quiet_hours", {"start": "24:00", "end": "07:00"}),
    ("quiet_hours", {"start": "22:00", "end": "7:00"}),
    ("quiet_hours", {"start": "22:00", "end": "07:00:00"}),
    ("quiet_hours", {"start": "22:00", "end": "07:00", "days": []}),
    ("quiet_hours", {"start": None, "end": None}),
    ("receives_emergencies", None), ("receives_emergencies", 1), ("receives_emergencies", "true"),
    ("working_hours", []), ("working_hours", {"monday": []}), ("working_hours", {"mon": None}),
    ("working_hours", {"mon": ["09:00", "17:00"]}), ("working_hours", {"mon": [["09:00"]]}),
    ("working_hours", {"mon": [["17:00", "09:00"]]}),
    ("working_hours", {"mon": [["09:00", "09:00"]]}),
    ("working_hours", {"mon": [["09:00", "12:00"], ["11:59", "13:00"]]}),
    ("working_hours", {"mon": [["13:00", "14:00"], ["09:00", "10:00"]]}),
    ("working_hours", {"mon": [["24:00", "24:00"]]}),
    ("working_hours", {"mon": [["00:00", "24:01"]]}),
    ("working_hours", {"mon": [[f"0{n}:00", f"0{n}:30"] for n in range(9)]}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_what_is_wrong_is_named_and_changes_nothing(we: Api, field: str, value: Any) -> None:
    assert refused(we, **{field: value}) == [("invalid", field)]


def test_every_wrong_field_is_named(we: Api) -> None:
    found = refused(we, language="?!", region="?", time_zone="?", quiet_hours=None)
    assert found == [("invalid", name) for name in ("language", "region", "time_zone")]
    found = refused(we, language="", region=1, time_zone=None, colour="red")
    assert [attr for _, attr in found] == ["colour", "language", "region", "time_zone"]
    assert refused(we, colour="red") == [("unknown_field", "colour")]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"region": "CH", "region": "AT"}', b"{"])
def test_what_is_no_object(they: Api, body: bytes) -> None:
    answer = they.call("PATCH", PATH, body)
    assert answer.status == (200 if body == b"" else 400)


def test_nobody_is_named_but_oneself(they: Api, we: Api) -> None:
    assert change(they, user_id="p_xyz789", region="CH")["region"] == "CH"
    whole = get(they)
    assert change(they, **whole) == whole  # what was read can be sent back
    for claim in ("t_abc123", "", "p_nobody00"):
        _mismatch(they.call("PATCH", PATH, {"user_id": claim, "region": "AT"}))
        _mismatch(they.call("GET", f"{PATH}?user_id={claim}"))
        _mismatch(they.call("PATCH", f"{PATH}?user_id={claim}", {"region": "AT"}))
    assert they.call("GET", f"{PATH}?user_id=p_xyz789").status == 200
    assert get(they) == whole
    assert get(we)["region"] == ""


def _mismatch(answer: Answer) -> None:
    assert answer.status == 403
    error = answer.body["errors"][0]
    assert (error["code"], error["attr"]) == ("identity_mismatch", "user_id")


def test_who_is_nobody_and_what_is_not_served(they: Api) -> None:
    assert Api().call("GET", PATH).status == 401
    assert Api().call("PATCH", PATH, {}).status == 401
    assert {they.call(method, PATH, {}).status for method in ("POST", "PUT", "DELETE")} == {405}


def test_columns_that_others_read(they: Api) -> None:
    change(they, region="ca-bc", language="FR-ca")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id, language, region, receives_emergencies FROM accounts_usersettings"
        )
        assert cursor.fetchall() == [("p_xyz789", "fr-CA", "CA-BC", True)]


def test_two_changes_at_once_both_stay(transactional_db: None) -> None:
    user = make_user("p_xyz789", "patient@demo.test")
    api = api_of(user)

    def one(fields: dict[str, Any]) -> int:
        try:
            return api.call("PATCH", PATH, fields).status
        finally:
            connection.close()

    changes: list[dict[str, Any]] = [
        {"region": "CH"}, {"language": "de"}, {"time_zone": "Europe/Zurich"},
        {"quiet_hours": {"start": "22:00", "end": "07:00"}},
    ]  # fmt: skip
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, changes)) == {200}
    assert get(api) == {
        "user_id": "p_xyz789", **{k: v for fields in changes for k, v in fields.items()}
    }  # fmt: skip


def test_a_query_each(they: Api, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):  # who is asking, and the settings
        get(they)
    with django_assert_num_queries(2):
        they.call("PATCH", PATH, {"region": "CH"})


# --- the rules by themselves ----------------------------------------------------------------------


def test_countries_are_those_of_the_time_zone_database() -> None:
    tzdata = pytest.importorskip("tzdata")
    lines = (Path(tzdata.__file__).parent / "zoneinfo" / "iso3166.tab").read_text().splitlines()
    assert {line[:2] for line in lines if not line.startswith("#")} == COUNTRIES


@pytest.mark.parametrize(
    ("tag", "normal"),
    [
        ("EN", "en"), ("de-ch", "de-CH"), ("ZH-HANT-tw", "zh-Hant-TW"), ("es-419", "es-419"),
        ("sl-nedis", "sl-nedis"), ("de-CH-1996", "de-CH-1996"), ("zh-yue", "zh-yue"),
        ("en-u-ca-gregory", "en-u-ca-gregory"), ("de-x-clinic", "de-x-clinic"),
        ("en--us", None), ("-", None), ("a-b", None), ("en-u", None), ("x-private", None),
    ],
)  # fmt: skip
def test_languages(tag: str, normal: str | None) -> None:
    assert normal_language(tag) == normal


@given(st.text(max_size=40))
def test_no_text_breaks_the_rules(text: str) -> None:
    for rule in (normal_language, normal_region):
        normal = rule(text)
        assert normal is None or rule(normal) == normal
    assert is_time_zone(text) in (True, False)


times = st.integers(0, 24 * 60).map(lambda m: f"{m // 60:02}:{m % 60:02}")


@given(st.lists(times, unique=True, max_size=16))
def test_spans_in_order_are_working_hours(points: list[str]) -> None:
    points = sorted(points)[: len(points) // 2 * 2]
    spans = list(zip(points[::2], points[1::2]))
    assert working_hours_problem({"mon": spans}) is None
    if len(spans) > 1:
        assert working_hours_problem({"mon": spans[::-1]}) is not None


def test_the_row_goes_with_its_user(they: Api) -> None:
    change(they, region="CH")
    assert json.loads(json.dumps(get(they)))["region"] == "CH"
    User.objects.filter(id="p_xyz789").delete()
    assert not UserSettings.objects.exists()
