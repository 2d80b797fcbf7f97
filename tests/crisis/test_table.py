"""The table: true to its rules, in step with its page, and strict with an operator's file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.server import ROOT
from therapyconnect.accounts.settings_regions import COUNTRIES
from therapyconnect.crisis.page import markdown_table
from therapyconnect.crisis.resources import resources_for
from therapyconnect.crisis.table import TableError, load_table

PAGE = ROOT / "docs" / "guide" / "crisis-resources.md"
EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905


def test_every_national_entry_names_its_source() -> None:
    for entry in load_table():
        assert entry.source or entry.region == "", entry.id
        assert entry.id.startswith(f"{(entry.region or 'any').lower()}-"), entry.id


def test_a_number_is_there_once_in_its_region() -> None:
    numbers = [(e.region, e.phone, e.text) for e in load_table() if e.region]
    assert len(numbers) == len(set(numbers))


def test_the_page_has_the_table() -> None:
    assert markdown_table(load_table()) in PAGE.read_text()


def test_the_known_ones() -> None:
    def phones(region: str) -> list[str | None]:
        return [r.phone for r in resources_for(region)]

    assert phones("US")[:2] == ["911", "988"]
    assert phones("CA")[:2] == ["911", "988"]
    assert phones("GB")[:2] == ["999", "116 123"]
    assert phones("CH") == ["144", "143"]
    assert phones("FR") == ["112", "3114"]
    assert phones("AT") == ["112", "142"]
    assert phones("AU")[:2] == ["000", "13 11 14"]
    assert all(phones(country)[0] == "112" for country in EU)


def test_988_is_nobodys_default() -> None:
    for country in COUNTRIES | {"", "ZZ", "UK", "us-", "??", "x" * 40}:
        found = resources_for(country)
        assert found, country
        if country not in ("US", "CA", "us-"):
            assert all("988" not in (r.phone, r.text) for r in found), country


def test_where_nothing_is_known_there_is_no_number() -> None:
    for region in ("", "ZZ", "AQ", "ZZ-ZZ"):
        found = resources_for(region)
        assert all(r.phone is None and r.text is None and r.region == "" for r in found)
        assert found[0].name == "Your local emergency number"
        addresses = [r.url for r in found]
        assert "https://findahelpline.com" in addresses
        assert "https://www.iasp.info/crisis-centres-helplines/" in addresses


def test_the_emergency_number_is_first_and_there_is_always_somebody_to_talk_to() -> None:
    for region in {entry.region for entry in load_table()} - {""}:
        found = resources_for(region)
        country = region[:2]
        assert found[0].phone is not None, region
        assert {r.region for r in found} <= {region, country, ""}
        assert len(found) >= 2, region


def test_a_subdivision_has_its_own_first_and_its_countrys() -> None:
    quebec = resources_for("CA-QC", "fr")
    assert [r.phone for r in quebec] == ["911", "1 866 277 3553", "988"]
    assert resources_for("CA-BC", "fr") == resources_for("CA", "fr")
    assert resources_for("ca-qc", "fr") == quebec


def test_the_language_chooses_the_order_and_drops_nobody() -> None:
    dutch, french = resources_for("BE", "nl-BE"), resources_for("BE", "fr")
    assert dutch[1].phone == "1813"
    assert french[1].phone == "107"
    assert {r.phone for r in dutch} == {r.phone for r in french}
    assert resources_for("DE", "de-AT")[0].name == "Notruf"
    assert resources_for("DE", "xx")[0].name == "Emergency services"


# --- an operator's file ---------------------------------------------------------------------------

OWN = """
[[entries]]
id = "ch-zh-clinic"
region = "CH-ZH"
kind = "line"
name = "Our own"
phone = "044 000 00 00"

[[entries]]
id = "ch-143"
region = "CH"
kind = "line"
name = "Changed"
phone = "143"

[[entries]]
id = "us-crisis-text"
removed = true
"""


def test_it_adds_changes_and_takes_away(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN)
    entries = {entry.id: entry for entry in load_table(own)}
    assert entries["ch-zh-clinic"].phone == "044 000 00 00"
    assert entries["ch-143"].name == "Changed"
    assert "us-crisis-text" not in entries
    assert len(entries) == len(load_table())


FINE = 'id = "xx-a"\nregion = "CH"\nkind = "line"\nname = "A"\nphone = "143"'
FAULTS = {
    "no TOML": ("[[entries", "own.toml: "),
    "unknown field": (f'{FINE}\nfon = "1"', "entry xx-a: Object contains unknown field fon"),
    "no name": ('id = "xx-a"\nregion = "CH"\nkind = "line"', "entry xx-a: "),
    "no id": ('region = "CH"', "entry number 1: "),
    "no such country": (FINE.replace('"CH"', '"UK"'), "entry xx-a: region is not a code"),
    "small letters": (FINE.replace('"CH"', '"ch"'), "entry xx-a: region is not a code"),
    "no number": (FINE.replace('"143"', '"call us"'), "entry xx-a: phone is digits"),
    "nothing to reach": (FINE.replace('phone = "143"', ""), "entry xx-a: one of phone, text, url"),
    "http": (f'{FINE}\nurl = "http://a.example"', "entry xx-a: url begins with https://"),
    "month": (f'{FINE}\nchecked = "2026-13"', "entry xx-a: checked is a month"),
    "language": (f'{FINE}\nlanguages = ["German"]', "entry xx-a: languages are given"),
    "a number for everywhere": (FINE.replace('"CH"', '""'), "entry xx-a: an entry for everywhere"),
    "twice": (f"{FINE}\n[[entries]]\n{FINE}", "entry xx-a: is there twice"),
    "removes nothing": ('id = "xx-a"\nremoved = true', "entry xx-a: there is none to remove"),
    "emergency without number": (
        FINE.replace('"line"', '"emergency"').replace("phone", "text"),
        "entry xx-a: an emergency number needs phone",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_that_names_it(tmp_path: Path, fault: str) -> None:
    text, says = FAULTS[fault]
    own = tmp_path / "own.toml"
    own.write_text(text if fault == "no TOML" else f"[[entries]]\n{text}\n")
    with pytest.raises(TableError) as raised:
        load_table(own)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_last_directory_stays(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    gone = ("any-findahelpline", "any-iasp")
    own.write_text("".join(f'[[entries]]\nid = "{i}"\nremoved = true\n' for i in gone))
    with pytest.raises(TableError, match="no directory is left"):
        load_table(own)


def _manage(tmp_path: Path, file: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "THERAPYCONNECT_DATA": str(tmp_path),
             "THERAPYCONNECT_CRISIS_FILE": file},
    )  # fmt: skip


def test_a_faulty_or_missing_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[[entries]]\nid = 1\n")
    for file, says in (("own.toml", "own.toml: entry 1: "), ("none.toml", "No such file")):
        done = _manage(tmp_path, file, "check")
        assert done.returncode != 0
        (line,) = [line for line in done.stderr.splitlines() if "CRISIS_FILE" in line]
        assert says in line
        assert "Traceback" not in done.stderr


def test_a_file_in_the_data_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    done = _manage(tmp_path, "own.toml", "crisisresources", "CH-ZH", "de")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:3] == ["Our own  044 000 00 00", "Changed  143"]
