"""Faults as frequent as in real feeds: how many there are, where they are listed, and what senders correct."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from demo_city.city import CitySpec
from demo_city.faults.frequent.rates import rates
from demo_city.faults.frequent.slips import is_refused, outcome
from demo_city.truth import FREQUENT, IDENTITIES
from schemas.contract import feed, feeds
from tests.demo_city.sender_files import connected_feeds, faults_of, files_of, read
from tests.demo_city.sent_city import Sent, file, send

Rows = list[dict[str, str]]

#: Feeds with faults of their own, whose records are the truth about identities, or that the platform's own procedure
#: delivers.
_LEFT_ALONE = {
    "ent_meter_reading", "ent_equipment_status", "gov_identity_change", "ent_confirmation", "gov_evaluation_step",
    "gov_grade_adjustment", "gov_grade_publication", "gov_objection_decision",
}  # fmt: skip


def listed(sent: Sent) -> Rows:
    with (sent.truth / FREQUENT).open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def regular_records(sent: Sent) -> Counter[str]:
    """Records by feed in the regular files after the base year."""
    records: Counter[str] = Counter()
    for path in sent.landing.glob("*/*.manifest.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["period"] >= "2021" and not Path(manifest["file"]).stem.endswith(("_corrected", "_copy")):
            records[manifest["feed"]] += manifest["records"]
    return records


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    return send(tmp_path_factory.mktemp("faulty"), CitySpec(scale=0.02, years=(2020, 2021, 2022, 2023, 2024)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_to_four_records_in_a_thousand_are_faulty(seed: int, tmp_path: Path) -> None:
    sent = send(tmp_path, CitySpec(scale=0.1, seed=seed))
    rows, records = listed(sent), regular_records(sent)
    by_feed = Counter(row["feed"] for row in rows)
    large = {name: count for name, count in records.items() if count >= 15_000 and name not in _LEFT_ALONE}
    assert len(large) >= 8
    shares = {name: 1000 * by_feed[name] / count for name, count in large.items()}
    assert {name: share for name, share in shares.items() if not 1.5 <= share <= 4} == {}
    spoilt = sum(count for name, count in records.items() if name not in _LEFT_ALONE)
    assert 1.8 <= 1000 * len(rows) / spoilt <= 3
    kinds = {rate.kind for some in rates().feeds.values() for rate in some}
    assert {row["kind"] for row in rows} >= kinds - {"no_number"}  # in one small feed only
    refused = [r for r in rows if is_refused(r["outcome"]) and r["feed"] not in rates().never_corrected]
    corrected = [row for row in refused if row["corrected_by"]]
    assert 0.6 <= len(corrected) / len(refused) <= 0.8
    files = {(row["feed"], row["period"][:4], row["corrected_by"]) for row in corrected}
    assert len({(name, year) for name, year, _ in files}) == len(files), "one correction of a feed and year"


def test_every_feed_has_its_rates_and_every_slip_fits_its_column() -> None:
    assert set(feeds()) - set(rates().feeds) == _LEFT_ALONE
    for name, some in rates().feeds.items():
        contract = feed(name)
        total = sum(rate.per_mille for rate in some)
        assert 1.5 <= total <= 4, name
        for rate in some:
            expected = outcome(contract, rate.kind, rate.column)
            if not rate.column:
                assert contract.delivery == "snapshot", f"{name} keeps repeated records"
                continue
            column = contract.column(rate.column)
            assert contract.source.mapping[rate.column].heading, (name, rate)
            if expected.endswith(":missing"):
                assert column.required, (name, rate)
            if expected.endswith(":type"):
                assert column.type.startswith(("decimal", "int")), (name, rate)
            if expected.endswith(":check"):
                assert column.domain.check == "uscc", (name, rate)


def test_exactly_the_listed_records_break_their_contracts(faulty: Sent) -> None:
    rows = listed(faulty)
    expected = Counter(
        (row["file"], int(row["row"]), row["outcome"])
        for row in rows
        if is_refused(row["outcome"]) and row["outcome"] != "key:duplicate"
    )
    expected += Counter(
        (f["file"], f["key"]["row"], f["outcome"]["reason"])
        for f in faulty.faults
        if f["outcome"]["type"] == "quarantined"
    )
    broken: Counter[tuple[str, int, str]] = Counter()
    for name, contract in connected_feeds().items():
        for path in files_of(faulty.landing, name):
            if not path.stem.endswith(("_copy", "_corrected")):
                for record in read(path)[1]:
                    broken.update((path.name, record.row, reason) for reason in faults_of(contract, record))
    assert broken == expected


def test_each_slip_is_in_its_file_and_its_correction_has_what_was_meant(faulty: Sent) -> None:
    by_file: defaultdict[str, Rows] = defaultdict(list)
    for row in listed(faulty):
        by_file[row["file"]].append(row)
    assert sum(map(len, by_file.values())) > 200
    for name, rows in by_file.items():
        contract = feed(rows[0]["feed"])
        headings = {c: str(m.heading) for c, m in contract.source.mapping.items()}
        key_of = [headings[k] for k in contract.key if k in headings]
        records = {record.row: record.cells for record in read(file(faulty, name))[1]}
        for row in rows:
            cells = records[int(row["row"])]
            if row["column"]:
                assert (cells[headings[row["column"]]] or "") == row["sent"], row
            else:
                key = "|".join(str(cells[h]) for h in key_of)
                assert key == row["key"] and list(records.values()).count(cells) >= 2, row
        corrected = [row for row in rows if row["corrected_by"]]
        for correction in {row["corrected_by"] for row in corrected}:
            again = [r.cells for r in read(file(faulty, correction))[1]]
            keys = Counter("|".join(str(cells[h]).strip() for h in key_of) for cells in again)
            by_key = {"|".join(str(cells[h]).strip() for h in key_of): cells for cells in again}
            for row in corrected:
                assert keys[row["key"]] == 1, row
                if row["column"]:
                    assert str(by_key[row["key"]][headings[row["column"]]]) == row["meant"], row
            if contract.delivery != "snapshot":
                assert len(again) == len(corrected), correction


def test_the_base_year_is_clean_and_the_planted_cases_stay_as_they_are(faulty: Sent, tmp_path: Path) -> None:
    rows = listed(faulty)
    assert min(row["period"] for row in rows) >= "2021"
    without = send(tmp_path, CitySpec(scale=0.02, years=faulty.spec.years, slips=False))
    assert listed(without) == []
    assert not [r for p in without.landing.glob("gov_tax/*_corrected*") for r in [p.name]]
    assert faulty.faults == without.faults
    same = [(sent.truth / IDENTITIES).read_bytes() for sent in (faulty, without)]
    assert same[0] == same[1]
    # no record has a slip and a planted fault
    planted = {(f["file"], f["key"]["row"]) for f in faulty.faults if "row" in f["key"]}
    assert planted & {(row["file"], int(row["row"])) for row in rows} == set()
