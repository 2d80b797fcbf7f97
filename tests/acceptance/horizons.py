"""Horizons only grow: in answers by real time, on a socket by the order of its frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from tests.acceptance.finals import Final
from tests.acceptance.history import History

Found = tuple[str, str, str]
Reader = tuple[str, str, str]


def check_horizons(history: History, finals: Mapping[str, Final]) -> Iterator[Found]:
    yield from _check_in_time(history, finals)
    yield from _check_on_sockets(history)
    for final in finals.values():
        for (reader, kind), seq in final.seqs.items():
            if seq > final.last_seq:
                yield "passed_the_end", final.chat_id, f"{reader} {kind} {seq}"
        for reader in (final.therapist_id, final.patient_id):
            if final.seqs[(reader, "read")] > final.seqs[(reader, "delivered")]:
                yield "went_back", final.chat_id, f"{reader} has read what was not delivered"
    for advancing in history.advancings:
        if advancing.future and advancing.outcome == "acked":
            yield "passed_the_end", advancing.chat_id, f"{advancing.up_to} was not refused"


def _check_in_time(history: History, finals: Mapping[str, Final]) -> Iterator[Found]:
    """Whatever was told or acknowledged before a reading was asked for, the reading is not below.

    One sweep per horizon over answers and asks.
    """
    moments: dict[Reader, list[tuple[float, int, int]]] = defaultdict(list)
    for advancing in history.advancings:
        if advancing.outcome == "acked" and advancing.answered is not None:
            for kind in ("delivered", "read") if advancing.kind == "read" else ("delivered",):
                key = (advancing.chat_id, advancing.reader_id, kind)
                moments[key].append((advancing.answered, 1, advancing.up_to))
    for standing in history.standings:
        for (reader, kind), seq in standing.seqs.items():
            key = (standing.chat_id, reader, kind)
            moments[key].append((standing.asked, 0, seq))
            moments[key].append((standing.answered, 1, seq))
    for final in finals.values():
        for (reader, kind), seq in final.seqs.items():
            moments[(final.chat_id, reader, kind)].append((float("inf"), 0, seq))
    for (chat_id, reader, kind), marks in moments.items():
        known = 0
        for _, is_answer, seq in sorted(marks):
            if is_answer:
                known = max(known, seq)
            elif seq < known:
                yield "went_back", chat_id, f"{reader} {kind}: {seq} after {known}"


def _check_on_sockets(history: History) -> Iterator[Found]:
    for life in history.lives:
        known: dict[Reader, int] = {}
        for entry in life.entries:
            for (reader, kind), seq in (entry.seqs or {}).items():
                key = (entry.chat_id, reader, kind)
                if seq < known.get(key, 0):
                    detail = f"{life.device} heard {reader} {kind} {seq} after {known[key]}"
                    yield "went_back", entry.chat_id, detail
                known[key] = max(seq, known.get(key, 0))
