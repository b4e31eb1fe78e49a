"""The generated city: totals, determinism, manifests, contracts and planted faults."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from stdnum.cn import uscc as stdnum_uscc

from demo_city import city as module
from demo_city.city import CitySpec, generate
from schemas.contract import feeds
from schemas.errors import UsageError
from schemas.periods import fault_of
from schemas.today import FILE
from tests.demo_city.sender_files import (
    PUBLISHED_BY_THE_PLATFORM,
    connected_feeds,
    files_of,
    read,
    valid_uscc,
)
from tests.demo_city.sent_city import Sent, file, send


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def column(sent: Sent, name: str, heading: str) -> list[str | None]:
    return [r.cells[heading] for r in read(file(sent, name))[1]]


def total(sent: Sent, name: str, heading: str) -> Decimal:
    return sum((Decimal(v) for v in column(sent, name, heading) if v), Decimal(0))


def test_plan_totals_of_the_base_year_are_met(sent: Sent) -> None:
    assert len(sent.report.plan_comparison) == 18
    # the other four are sums over marked firms, which only a large city matches
    off = {
        c.indicator_zh: c.difference_pct
        for c in sent.report.plan_comparison[:14]
        if abs(c.difference_pct) > Decimal("0.5")
    }
    assert off == {}


@pytest.mark.parametrize(
    ("heading", "yi_yuan"),
    [
        ("工业总产值(千元)", "17887.1"),
        ("工业增加值(千元)", "4042"),
        ("营业收入(千元)", "17702.3"),
        ("利润总额(千元)", "1552.7"),
        ("税金总额(千元)", "777.1"),
        ("研发费用(千元)", "382.4"),
        ("新产品产值(千元)", "6188.9"),
        ("出口交货值(千元)", "3326.6"),
    ],
)
def test_the_files_add_up_to_the_plan(sent: Sent, heading: str, yi_yuan: str) -> None:
    scaled = Decimal(yi_yuan) * Decimal("0.005")
    sum_yi = total(sent, "statistics_annual_2020.csv", heading) / 100_000  # 千元 in 亿元
    assert abs(sum_yi - scaled) <= scaled * Decimal("0.005")


def test_tax_contribution_is_not_the_statistical_tax(sent: Sent) -> None:
    above = set(column(sent, "statistics_annual_2020.csv", "统一社会信用代码"))
    parts = ("增值税", "免抵税额", "企业所得税", "消费税", "附加税费", "城镇土地使用税", "房产税", "其他税费")
    rows = [r.cells for r in read(file(sent, "tax_2020.csv"))[1] if r.cells["纳税人识别号"] in above]
    contribution = sum((Decimal(row[part] or 0) for row in rows for part in parts), Decimal(0)) / 10**8
    # 1,498 亿 x 0.005; the statistical tax is 777.1 亿 x 0.005 = 3.9 亿
    assert abs(contribution - Decimal("7.49")) < Decimal("0.04")


def test_numbers_of_firms(sent: Sent) -> None:
    scale = Counter(column(sent, "statistics_directory_2020.csv", "规模"))
    assert scale == {"规上": 42, "规下": 500}  # 8,405 x 0.005 and 100,000 x 0.005
    districts = Counter(column(sent, "statistics_directory_2020.csv", "区划代码"))
    assert len(districts) == 10
    assert min(districts.values()) >= 3


def test_landmarks_have_their_scaled_figures(sent: Sent) -> None:
    classes = dict(
        zip(
            column(sent, "statistics_directory_2020.csv", "统一社会信用代码"),
            column(sent, "statistics_directory_2020.csv", "行业代码"),
            strict=True,
        )
    )
    rows = {r.cells["统一社会信用代码"]: r.cells for r in read(file(sent, "statistics_annual_2020.csv"))[1]}
    cigarettes = [rows[code] for code, industry in classes.items() if industry == "1620" and code in rows]
    assert [Decimal(r["工业增加值(千元)"] or 0) for r in cigarettes] == [Decimal(146) * 500]  # 146 亿 x 0.005
    assert [Decimal(r["工业总产值(千元)"] or 0) for code, r in rows.items() if classes[code] == "2511"].count(
        Decimal(950) * 500
    ) == 1


def test_months_add_up_and_statistics_are_cumulative(sent: Sent) -> None:
    code = column(sent, "statistics_monthly_2024-12.csv", "统一社会信用代码")[0]
    running = []
    for month in range(2, 13):
        rows = read(file(sent, f"statistics_monthly_2024-{month:02d}.csv"))[1]
        running += [
            int(r.cells["工业总产值_本年累计(千元)"] or 0)
            for r in rows
            if r.cells["统一社会信用代码"] == code
        ]
    assert running == sorted(running)
    assert running[0] < running[-1] / 4  # two months of twelve
    assert not list(sent.landing.glob("gov_statistics_monthly/*2024-01*"))
    assert not list(sent.landing.glob("gov_statistics_annual/*2024*"))


def test_same_spec_same_bytes(tmp_path: Path) -> None:
    spec = CitySpec(scale=0.005, years=(2023, 2024))
    first, second = send(tmp_path / "a", spec), send(tmp_path / "b", spec)
    assert everything(first.landing) == everything(second.landing)
    assert everything(first.truth) == everything(second.truth)


def test_the_version_depends_on_every_folder_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "demo_city"
    shutil.copytree(Path(module.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "__file__", str(copy / "city.py"))
    versions = [module.generator_version()]
    folders = sorted({path.parent for path in copy.rglob("*") if path.suffix in (".py", ".yml")})
    # the aims judge a city, no file depends on them
    assert [folder.name for folder in folders] == [
        "demo_city",
        "aims",
        "faults",
        "frequent",
        "senders",
        "world",
    ]
    folders = [folder for folder in folders if folder.name != "aims"]
    for folder in folders:
        changed = max(folder.glob("*.py"), key=lambda path: path.stat().st_size)
        changed.write_text(f"{changed.read_text(encoding='utf-8')}# changed\n", encoding="utf-8")
        versions.append(module.generator_version())
    for parameters in (copy / "world" / "parameters.yml", copy / "faults" / "frequent" / "rates.yml"):
        parameters.write_text(f"{parameters.read_text(encoding='utf-8')}# changed\n", encoding="utf-8")
        versions.append(module.generator_version())
    assert len(set(versions)) == len(versions) == 8


def test_another_seed_other_bytes(tmp_path: Path) -> None:
    one = send(tmp_path / "a", CitySpec(scale=0.005, years=(2023,)))
    two = send(tmp_path / "b", CitySpec(scale=0.005, seed=7, years=(2023,)))
    same = [
        name
        for name, content in everything(one.landing).items()
        if everything(two.landing).get(name) == content and name != FILE
    ]
    assert same == []


def test_an_existing_city_is_kept(tmp_path: Path) -> None:
    spec = CitySpec(scale=0.005, years=(2023,))
    first = send(tmp_path, spec)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    again = generate(spec, first.landing, first.truth)
    assert again.kept and not first.report.kept
    assert (again.records, again.plan_comparison) == (first.report.records, first.report.plan_comparison)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_a_new_city_replaces_only_files_of_the_old_one(tmp_path: Path) -> None:
    send(tmp_path, CitySpec(scale=0.005, years=(2022,), slips=False))
    own = tmp_path / "landing" / "gov_tax" / "mine.csv"
    own.write_text("x", encoding="utf-8")
    send(tmp_path, CitySpec(scale=0.005, years=(2023,), slips=False))
    names = {p.name for p in (tmp_path / "landing" / "gov_tax").iterdir()}
    assert names == {"mine.csv", "tax_2023.csv", "tax_2023.csv.manifest.json"}


def test_an_interrupted_city_is_generated_again(tmp_path: Path) -> None:
    def stop(_: str, __: int) -> None:
        raise KeyboardInterrupt

    spec = CitySpec(scale=0.005, years=(2023,))
    with pytest.raises(KeyboardInterrupt):
        generate(spec, tmp_path / "landing", tmp_path / "truth", stop)
    assert not generate(spec, tmp_path / "landing", tmp_path / "truth").kept
    assert generate(spec, tmp_path / "landing", tmp_path / "truth").kept


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0.001},
        {"scale": 50},
        {"years": ()},
        {"years": (2023, 2021)},
        {"years": (2019,)},
        {"seed": -1},
        {"until": date(2021, 6, 30)},
        {"until": date(2036, 1, 1)},
    ],
)
def test_a_wrong_spec_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        CitySpec(**wrong)  # type: ignore[arg-type]


def test_every_file_has_a_correct_manifest(sent: Sent) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for name in connected_feeds():
        for path in files_of(sent.landing, name):
            manifest = json.loads((path.parent / f"{path.name}.manifest.json").read_text(encoding="utf-8"))
            assert manifest["feed"] == name and manifest["file"] == path.name
            assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
            assert manifest["records"] == len(read(path)[1]), path.name
            assert fault_of(manifest["period"], feeds()[name]) is None
            assert manifest["sent_at"][:4] >= manifest["period"][:4] and manifest["sent_at"].endswith("Z")
            counted[name, manifest["period"]] += manifest["records"]
    reported = {(f, p): n for f, periods in sent.report.records.items() for p, n in periods.items()}
    assert counted == reported


YEARLY, MONTHLY = ("2020", "2021", "2022", "2023"), tuple(f"2024-{m:02d}" for m in range(1, 13))


def test_periods_of_each_feed(sent: Sent) -> None:
    expected = {name: {*YEARLY, "2024"} for name in connected_feeds()}
    for name in ("gov_tax", "gov_electricity", "gov_social_insurance", "gov_water", "gov_project"):
        expected[name] = {*YEARLY, *MONTHLY}
    expected["gov_statistics_monthly"] = set(MONTHLY[1:])
    expected["gov_statistics_annual"] = set(YEARLY)
    for name in ("ent_monthly_report", "ent_pmi", "ent_need", "gov_customs"):
        expected[name] = set(MONTHLY)
    expected["ent_objection"] = {f"{year}-08" for year in range(2021, 2025)}
    # a year is evaluated in the next one
    for name in (
        "gov_evaluation_step",
        "ent_confirmation",
        "gov_objection_decision",
        "gov_grade_adjustment",
        "gov_enterprise_visit",
    ):
        expected[name] = set(YEARLY)
    # a transfer needs quotas, which need the year before
    expected["gov_energy_quota_transfer"] = {*YEARLY[1:], "2024"}
    expected["ent_meter_reading"] = {f"2024-12-{day}" for day in range(25, 32)}
    expected["ent_equipment_status"] = {"2024-12-31"}
    expected["ent_trade"] = {"2024-12"}
    assert {name: set(periods) for name, periods in sent.report.records.items()} == expected
    assert len(list(sent.landing.glob("gov_land_survey/land_survey_2023_*.csv"))) == 10


def test_every_feed_is_connected_and_sends(sent: Sent) -> None:
    assert set(connected_feeds()) == set(feeds()) - {PUBLISHED_BY_THE_PLATFORM} == set(sent.report.records)


def test_headings_are_those_of_the_contract(sent: Sent) -> None:
    for name, contract in connected_feeds().items():
        known = {m.heading for m in contract.source.mapping.values() if m.heading} | set(
            contract.source.ignored
        )
        for path in files_of(sent.landing, name):
            headings, _ = read(path)
            assert len(headings) == len(set(headings))
            assert set(headings) == known, path.name


def test_keys_are_unique_except_in_streams_with_repeats(sent: Sent) -> None:
    repeating = set()
    for name, contract in connected_feeds().items():
        headings = [m.heading for k, m in contract.source.mapping.items() if k in contract.key]
        for path in files_of(sent.landing, name):
            keys = [tuple(r.cells[str(h)] for h in headings) for r in read(path)[1]]
            if len(keys) != len(set(keys)):
                repeating.add(name)
    assert repeating == {"ent_meter_reading"}


def test_registry_is_complete_first_and_then_reports_changes(sent: Sent) -> None:
    periods = sent.report.records["gov_business_registry"]
    assert periods["2020"] == 542
    assert all(periods[year] < 150 for year in ("2021", "2022", "2023", "2024"))
    registered: set[str | None] = set()
    for year in ("2020", "2021", "2022"):
        registered |= set(column(sent, f"business_registry_{year}.jsonl", "tyshxydm"))
        assert set(column(sent, f"statistics_directory_{year}.csv", "统一社会信用代码")) <= registered


def test_credit_codes_are_valid_and_unique(sent: Sent) -> None:
    codes = column(sent, "business_registry_2020.jsonl", "tyshxydm")
    assert len(codes) == len(set(codes))
    assert all(code and valid_uscc(code) for code in codes)
    plain = [code for code in codes if code and code[:8].isdigit()]
    assert len(plain) == len(codes) - 2  # two village collectives operate as firms: N2…
    assert all(stdnum_uscc.is_valid(code) for code in plain)


def test_villages_hold_parcels_with_codes_that_stdnum_rejects(sent: Sent) -> None:
    owners = {o for o in column(sent, "land_parcel_2020.csv", "权利人代码") if o and o.startswith("N2")}
    assert len(owners) >= 10
    assert all(valid_uscc(o) and not stdnum_uscc.is_valid(o) for o in owners)


def test_some_older_firms_have_a_former_districts_code(sent: Sent) -> None:
    areas = {str(code)[2:8] for code in column(sent, "business_registry_2020.jsonl", "tyshxydm")}
    assert areas & {"330204", "330227", "330283"}
    assert {area[:4] for area in areas} == {"3302"}


def test_uses_never_exceed_a_parcel_unless_planted(sent: Sent) -> None:
    area = {
        r.cells["宗地代码"]: Decimal(r.cells["宗地面积(平方米)"] or 0) * 15 / 10_000
        for r in read(file(sent, "land_parcel_2023.csv"))[1]
    }
    leased: defaultdict[tuple[str | None, str | None], Decimal] = defaultdict(Decimal)
    sublet: defaultdict[tuple[str | None, str | None], Decimal] = defaultdict(Decimal)
    for path in sent.landing.glob("gov_land_survey/land_survey_2023_*.csv"):
        for record in read(path)[1]:
            cells = record.cells
            parcel, share = cells["宗地代码"], Decimal(cells["建筑面积占比(%)"] or 0) / 100
            mu = Decimal(cells["用地面积(亩)"]) if cells["用地面积(亩)"] else share * area[parcel]
            if cells["用地方式"] == "转租":
                sublet[parcel, cells["出租方代码"]] += mu
            else:
                leased[parcel, cells["用地企业代码"]] += mu
    # a lease contains what the tenant sublets
    used: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for use in leased | sublet:
        used[use[0]] += max(leased[use], sublet[use])
    over = {parcel for parcel, mu in used.items() if mu > area[parcel]}
    planted = {
        f["key"]["parcel_id"]
        for f in sent.faults
        if f["kind"] in ("square_metres_as_mu", "over_allotted_parcel")
    }
    assert over == planted and len(planted) == 5


def test_lessors_are_holders_or_in_sublets_tenants_of_the_parcel(sent: Sent) -> None:
    owner = {r.cells["宗地代码"]: r.cells["权利人代码"] for r in read(file(sent, "land_parcel_2022.csv"))[1]}
    kinds: Counter[str | None] = Counter()
    for path in sent.landing.glob("gov_land_survey/land_survey_2022_*.csv"):
        records = [r.cells for r in read(path)[1]]
        tenants = {(c["宗地代码"], c["用地企业代码"]) for c in records if c["用地方式"] == "租赁"}
        for cells in records:
            kinds[cells["用地方式"]] += 1
            lessor, parcel = cells["出租方代码"], cells["宗地代码"]
            if cells["用地方式"] == "自用":
                assert lessor is None
            elif cells["用地方式"] == "转租":
                assert (parcel, lessor) in tenants
            else:
                assert lessor == owner[parcel] or owner[parcel] is None
    assert set(kinds) == {"自用", "租赁", "转租"}


def test_a_year_is_completely_sent_by_the_end_of_the_next_june(sent: Sent) -> None:
    """All but its evaluation, which is done with its data and runs until the autumn."""
    evaluation = {spec.table for spec in feeds().values() if spec.source.group == "evaluation"}
    for manifest in sent.landing.glob("*/*.manifest.json"):
        fields = json.loads(manifest.read_text(encoding="utf-8"))
        if fields["feed"] in evaluation:
            continue
        assert fields["sent_at"] < f"{int(fields['period'][:4]) + 1}-07-01", manifest.name
