"""Who may answer what: each rule by example, then all of them at once, in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.messaging.examples import APPOINTMENT, PATIENT, THERAPIST, wrong
from therapyconnect.core.errors import Conflict, DomainError, Forbidden
from therapyconnect.messaging.policies.appointments import (
    Answer,
    answer_appointment,
    appointment_of,
    new_appointment,
)

LATER = {"start": "2026-03-03T10:00:00Z", "end": "2026-03-03T11:00:00Z"}


def proposal() -> dict[str, Any]:
    return new_appointment(APPOINTMENT, sender_id=THERAPIST)


def answered(current: dict[str, Any], answer: Any, by: str = PATIENT, **times: Any) -> Any:
    return answer_appointment(current, answer=answer, actor_id=by, **times)


def refusal(current: dict[str, Any], answer: Any, by: str = PATIENT, **times: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        answered(current, answer, by, **times)
    return refused.value


@pytest.mark.parametrize(("answer", "status"), [("accept", "accepted"), ("decline", "declined")])
def test_a_reply_changes_the_status_alone(answer: str, status: str) -> None:
    before = proposal()
    assert answered(before, answer) == {**before, "status": status}
    assert before["status"] == "proposed"


def test_one_may_think_again() -> None:
    declined = answered(proposal(), "decline")
    accepted = answered(declined, "accept")
    assert accepted["status"] == "accepted"
    assert answered(accepted, "decline")["status"] == "declined"
    assert answered(accepted, "decline")["sequence"] == 0


def test_other_times_stand_as_the_proposal_of_who_gave_them() -> None:
    before = proposal()
    moved = answered(before, "reschedule", **LATER)
    assert moved == {
        **before, **LATER, "status": "rescheduled", "proposed_by": PATIENT, "sequence": 1,
    }  # fmt: skip
    accepted = answered(moved, "accept", THERAPIST)
    assert (accepted["status"], accepted["sequence"]) == ("accepted", 1)
    again = answered(moved, "reschedule", THERAPIST, **LATER, time_zone="Asia/Tokyo")
    assert (again["time_zone"], again["proposed_by"], again["sequence"]) == (
        "Asia/Tokyo", THERAPIST, 2,
    )  # fmt: skip


def test_times_may_be_datetimes() -> None:
    start = datetime(2026, 3, 3, 10, tzinfo=UTC)
    moved = answered(proposal(), "reschedule", start=start, end=start + timedelta(hours=1))
    assert (moved["start"], moved["end"]) == (LATER["start"], LATER["end"])


@pytest.mark.parametrize("answer", ["accept", "decline", "reschedule"])
def test_nobody_answers_their_own_proposal(answer: str) -> None:
    times = LATER if answer == "reschedule" else {}
    for current, by in (
        (proposal(), THERAPIST),
        (answered(proposal(), "accept"), THERAPIST),
        (answered(proposal(), "reschedule", start=LATER["start"], end="2026-03-04T00:00:00Z"),
         PATIENT),
    ):  # fmt: skip
        error = refusal(current, answer, by, **times)
        assert isinstance(error, Forbidden)
        assert error.code == "not_recipient"


@pytest.mark.parametrize("by", [THERAPIST, PATIENT])
def test_either_cancels_once_and_for_all(by: str) -> None:
    cancelled = answered(proposal(), "cancel", by)
    assert (cancelled["status"], cancelled["sequence"]) == ("cancelled", 1)
    for actor in (THERAPIST, PATIENT):
        assert answered(cancelled, "cancel", actor) is None
        for answer in ("accept", "decline", "reschedule"):
            times = LATER if answer == "reschedule" else {}
            error = refusal(cancelled, answer, actor, **times)
            assert isinstance(error, Conflict)
            assert error.code == "appointment_cancelled"


@pytest.mark.parametrize("answer", ["accept", "decline", "reschedule", "cancel"])
def test_the_same_answer_again_changes_nothing(answer: str) -> None:
    times = LATER if answer == "reschedule" else {}
    once = answered(proposal(), answer, **times)
    assert once is not None
    assert answered(once, answer, **times) is None


@pytest.mark.parametrize("answer", ["accept", "decline", "cancel"])
def test_times_belong_to_a_new_proposal(answer: str) -> None:
    assert wrong(lambda: answered(proposal(), answer, **LATER, time_zone="UTC")) == [
        ("invalid", "end"), ("invalid", "start"), ("invalid", "time_zone"),
    ]  # fmt: skip


def test_a_new_proposal_needs_good_times() -> None:
    assert wrong(lambda: answered(proposal(), "reschedule")) == [
        ("required", "end"), ("required", "start"),
    ]  # fmt: skip
    for bad, expected in (
        ({**LATER, "end": LATER["start"]}, [("invalid", "end")]),
        ({**LATER, "end": "2026-03-30T10:00:00Z"}, [("invalid", "end")]),
        ({**LATER, "start": "soon"}, [("invalid", "start")]),
        ({**LATER, "start": datetime(2026, 3, 3)}, [("invalid", "start")]),  # noqa: DTZ001
        ({**LATER, "time_zone": "Moon"}, [("invalid", "time_zone")]),
        ({"start": "1990-01-01T00:00:00Z"}, [("required", "end"), ("invalid", "start")]),
    ):
        assert wrong(lambda bad=bad: answered(proposal(), "reschedule", **bad)) == expected


def test_an_answer_that_is_none() -> None:
    assert wrong(lambda: answered(proposal(), "maybe")) == [("invalid", "answer")]
    assert refusal({"note": "of an older version"}, "accept").code == "not_an_appointment"


DAYS = st.integers(1, 5)
PEOPLE = st.sampled_from([THERAPIST, PATIENT])


class Answers(RuleBasedStateMachine):
    """Two people answer in any order; beside the policy stands the smallest model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.payload = proposal()
        self.seen = [self.payload]

    def _answer(self, answer: str, actor: str, **times: Any) -> None:
        before = appointment_of(self.payload)
        cancelled = before.status == "cancelled"
        own = actor == before.proposed_by
        try:
            after = answered(self.payload, answer, actor, **times)
        except Conflict:
            assert cancelled
            assert answer != "cancel"
            return
        except Forbidden:
            assert own
            assert answer != "cancel"
            return
        if after is None:
            repeated = {
                "accept": "accepted", "decline": "declined", "cancel": "cancelled",
                "reschedule": "rescheduled",
            }  # fmt: skip
            assert before.status == repeated[answer]
            return
        assert not cancelled
        assert answer == "cancel" or not own
        moved = answer in ("reschedule", "cancel")
        assert after["sequence"] == before.sequence + moved
        assert after["proposed_by"] == (actor if answer == "reschedule" else before.proposed_by)
        if answer != "reschedule":
            for name in ("start", "end", "time_zone"):
                assert after[name] == self.payload[name]
        self.payload = after
        self.seen.append(after)

    @rule(actor=PEOPLE, answer=st.sampled_from(["accept", "decline", "accept", "decline"]))
    def reply(self, actor: str, answer: str) -> None:
        self._answer(answer, actor)

    @rule(actor=PEOPLE, day=DAYS, hours=st.integers(1, 24 * 7))
    def reschedule(self, actor: str, day: int, hours: int) -> None:
        start = datetime(2026, 3, day, 9, tzinfo=UTC)
        end = start + timedelta(hours=hours)
        self._answer("reschedule", actor, start=start.isoformat(), end=end.isoformat())

    @rule(actor=PEOPLE, sure=st.integers(0, 4))
    def cancel(self, actor: str, sure: int) -> None:
        if sure == 0:  # seldom, or nothing much would come before it
            self._answer("cancel", actor)

    @invariant()
    def it_holds_together(self) -> None:
        now = appointment_of(self.payload)
        assert now.id == self.seen[0]["id"]
        assert timedelta(0) < now.end - now.start <= timedelta(days=7)
        assert now.proposed_by in (THERAPIST, PATIENT)
        numbers = [one["sequence"] for one in self.seen]
        assert numbers == sorted(numbers)
        # What a calendar tells two files apart by: other times never share a number.
        times = {(one["sequence"], one["start"], one["end"]) for one in self.seen}
        assert len(times) == len({one["sequence"] for one in self.seen})


TestAnswers = Answers.TestCase
TestAnswers.settings = settings(max_examples=200, stateful_step_count=30, database=None)


def test_the_machine_knows_every_answer() -> None:
    assert set(get_args(Answer)) == {"accept", "decline", "reschedule", "cancel"}
