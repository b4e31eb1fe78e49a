"""A small release written by hand: one list of eight firms above scale, and one firm of every special kind."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from jobs.per_mu.rules.models import RuleSet
from schemas.contract import code_lists, contracts
from schemas.duckdb_types import reader_type
from warehouse.description import codes as codes_of_lists
from warehouse.description import dictionary

Row = dict[str, Any]

GOOD = "91330203MA00000001"
VETOED = "91330203MA00000002"
TOP = "91330203MA00000003"
EDGE_A = "91330203MA00000004"
SAVED = "91330203MA00000005"
REFILLED = "91330203MA00000006"
BOTTOM = "91330203MA00000007"
TENANT = "91330203MA00000011"
EXEMPT = "91330203MA00000012"
PROTECTED = "91330203MA00000013"
INCOMPLETE = "91330203MA00000014"
LANDLESS = "91330203MA00000015"
GONE = "91330203MA00000016"
EVIL = "91330203MA00000017"
UNTOLD = "91330203MA00000018"

NAMES = {
    GOOD: "宁波甲电器有限公司", VETOED: "宁波乙化工有限公司", TOP: "慈溪丙轴承有限公司", EDGE_A: "慈溪丁轴承有限公司",
    SAVED: "余姚戊塑料厂", REFILLED: "余姚己塑料厂", BOTTOM: "余姚庚塑料厂", TENANT: "宁波甲一配件厂",
    EXEMPT: "宁波供电公司", PROTECTED: "宁波新材有限公司", INCOMPLETE: "宁波缺数有限公司", LANDLESS: "宁波无地有限公司",
    GONE: "宁波已迁有限公司", EVIL: "<script>alert('宁')</script>有限公司", UNTOLD: "宁波未列有限公司",
}  # fmt: skip
YEARS = ("2020", "2021", "2022", "2023", "2024")
RULES = "haishu-2024"
KNOWN = datetime(2025, 4, 6, 3, tzinfo=UTC)

#: Two of eight get A, two B, two D; vetoed firms' places in A and B are refilled, and those in D are additional.
RULE_SET = RuleSet.model_validate(
    {
        "id": RULES, "year": "2024", "title": {"zh": "海曙区评价规则", "en": "Rules"}, "district_codes": ["330203"],
        "source": "测试", "tax_components": ["vat"], "tenants": {"mode": "inherit"},
        "lists": {
            "above_scale": {
                "indicators": {
                    code: {"weight": weight, "baseline": {"method": "fixed", "value": value}, "missing": missing}
                    for code, weight, value, missing in (
                        ("I1", 30, "20", "data_incomplete"), ("I2", 20, "80", "data_incomplete"),
                        ("I3", 20, "4", "data_incomplete"), ("I4", 10, "900", "group_average"),
                        ("I5", 10, "25", "data_incomplete"), ("I6", 10, "0.02", "zero"),
                    )
                }
            }
        },
        "quota": {
            "shares": dict.fromkeys("ABCD", "0.25"), "rounding": dict.fromkeys("ABD", "floor"),
            "refill_vetoed": True, "vetoed_count_in_d": False,
        },
    }
).model_dump_json()  # fmt: skip

#: Columns of tables of other areas, used only if the table has no contract.
ELSEWHERE: dict[str, str] = {
    "chain.node": "node_code:string year:string node_name_zh:string node_name_en:string",
    "chain.node_enterprise": "uscc:string node_code:string year:string chain_code:string tier_code:string "
    "position_share:decimal confidence:decimal is_confirmed:boolean position_reasons:texts override_reason:string",
    "chain.gap": "node_code:string year:string state_code:string state_reasons:texts",
}
#: Tables of profiles, of years and of months.
PROFILES = tuple(
    f"profile.{name}{of}"
    for name in ("enterprise_profile", "enterprise_tag", "comprehensive_score")
    for of in ("", "_month")
)
_TYPES = {
    "string": pa.string(),
    "texts": pa.list_(pa.string()),
    "decimal": pa.decimal128(18, 6),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "int": pa.int32(),
}

PER_MU = (
    "core.enterprise", "core.enterprise_year", "per_mu.population", "per_mu.enterprise_grade",
    "per_mu.indicator_value", "per_mu.adjustment", "per_mu.city_rank", "per_mu.land_review", "core.consent",
    "core.consent_state", "core.enterprise_event",
)  # fmt: skip

#: Codes of other areas, used only if no code list has them.
CODES = [
    ("chain", "GDMJ", "高端模具", "High-end moulds"), ("chain", "XTCX", "稀土磁性材料", "Rare-earth materials"),
    ("chain_state", "weak", "薄弱", "Weak"), ("chain_state", "strong", "优势", "Strong"),
    ("chain_tier", "mid", "中游", "Midstream"), ("size_class", "medium", "中型", "Medium"),
    ("risk_level", "high", "高", "High"), ("risk_reason", "grade_d", "亩均评价D类", "Graded D"),
    ("trend", "rising", "上升", "Rising"), ("tag", "tag_0", "高新技术企业", "High-tech"),
    ("tag_kind", "watch", "关注", "To be watched"), ("tag_kind", "honour", "荣誉资质", "Honours"),
    ("peer_level", "division_size", "同行业同规模", "Same division and size class"),
    *(("tag", f"tag_{n}", f"标签{n}", f"Tag {n}") for n in range(1, 12)),
    *(
        ("evaluation_dimension", code, zh, code.title())
        for code, zh in {
            "scale": "规模", "efficiency": "效益", "growth": "成长", "innovation": "创新", "green": "绿色",
            "digital": "数字化", "credit": "信用", "contribution": "贡献",
        }.items()
    ),
]  # fmt: skip


def _schema(name: str) -> pa.Schema:
    if name in contracts():
        return pa.schema([f.with_nullable(True) for f in contracts()[name].arrow_schema()])
    columns = (column.split(":") for column in ELSEWHERE[name].split())
    return pa.schema([(column, _TYPES[kind]) for column, kind in columns])


def _table(name: str, rows: list[Row]) -> pa.Table:
    schema = _schema(name)
    unknown = {column for row in rows for column in row} - set(schema.names)
    assert not unknown, f"{name} has no {sorted(unknown)}"
    return pa.Table.from_pylist(
        [{f.name: _value(row.get(f.name), f) for f in schema} for row in rows], schema
    )


def _value(value: Any, field: pa.Field) -> Any:
    if pa.types.is_decimal(field.type) and value is not None:
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-field.type.scale))
    return value


def write(
    home: Path,
    *,
    without: tuple[str, ...] = (),
    is_synthetic: bool = True,
    is_old: bool = False,
    **changes: list[Row],
) -> None:
    """Write release 1 of a home. ``without`` names tables to omit; ``changes`` add rows, as area__table.

    An old release has texts as years and narrow decimals, and years and months of profiles in one table.
    """
    folder = home / "releases"
    folder.mkdir(parents=True)
    rows = city()
    for name, more in changes.items():
        rows[name.replace("__", ".")] += more
    with duckdb.connect(str(folder / "release-1.duckdb")) as connection:
        for name in [n for n in rows if n not in without]:
            given = _table(name, rows[name])
            connection.register("given", given)
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
            connection.execute(f"CREATE TABLE {name} AS SELECT {_selected(name, is_old)} FROM given")
            connection.unregister("given")
        if is_old:
            for name in [n for n in rows if n.endswith("_month") and n.startswith("profile.")]:
                years = name.removesuffix("_month")
                connection.execute(f"ALTER TABLE {years} ADD COLUMN period VARCHAR")
                connection.execute(f"UPDATE {years} SET period = year")
                of_months = f"SELECT * EXCLUDE (month), month AS period FROM {name}"
                connection.execute(f"INSERT INTO {years} BY NAME {of_months}")
                connection.execute(f"DROP TABLE {name}")
        scope = "合成数据（示范城市），不含任何真实企业" if is_synthetic else ""
        for name, given in _described(scope).items():
            connection.register("given", given)
            connection.execute("CREATE SCHEMA IF NOT EXISTS release")
            connection.execute(f"CREATE TABLE release.{name} AS FROM given")
            connection.unregister("given")
    manifest = {"release": 1, "file": {"name": "release-1.duckdb"}, "synthetic": is_synthetic}
    (folder / "manifest-1.json").write_text(json.dumps(manifest), encoding="utf-8")


def _selected(name: str, is_old: bool) -> str:
    """Columns in the types of a release's file."""
    if is_old or name not in contracts():
        return "*"
    return ", ".join(f"CAST({c.name} AS {reader_type(c)}) AS {c.name}" for c in contracts()[name].columns)


def _described(scope: str) -> dict[str, pa.Table]:
    codes = codes_of_lists()
    codes += [
        {"list": lst, "code": code, "zh": zh, "en": en} for lst, code, zh, en in CODES
        if not (lst in code_lists() and any(c["list"] == lst and c["code"] == code for c in codes))
    ]  # fmt: skip
    return {
        "info": pa.table({"key": ["release", "scope_zh"], "value": ["1", scope]}),
        "code": pa.Table.from_pylist(codes),
        "dictionary": pa.Table.from_pylist(dictionary()),
        "rule_set": pa.table(
            {
                "rule_set_id": [RULES],
                "title_zh": ["海曙区评价规则"],
                "title_en": ["Rules of Haishu"],
                "content": [RULE_SET],
            }
        ),
    }


# --- rows ----------------------------------------------------------------------------------------------


def city() -> dict[str, list[Row]]:
    """Rows of every table that a sheet reads."""
    rows: dict[str, list[Row]] = {name: [] for name in (*PER_MU, *ELSEWHERE, *PROFILES)}
    for uscc in NAMES:
        for year in YEARS if uscc != GONE else YEARS[:3]:
            rows["core.enterprise"].append(_enterprise(uscc, year))
            rows["core.enterprise_year"].append(_figures(uscc, year))
            if uscc != UNTOLD:
                rows["per_mu.population"].append(_population(uscc, year))
    for year in YEARS:
        rows["per_mu.enterprise_grade"] += list(_grades(year))
        for uscc in (GOOD, VETOED, TOP, EDGE_A, SAVED, REFILLED, BOTTOM, EVIL):
            rows["per_mu.indicator_value"] += list(_indicators(uscc, year))
    rows["per_mu.city_rank"] = [
        {"uscc": GOOD, "year": "2024", "city_rank": 1234, "list_size": 8000, "percentile_pct": "84.6"}
    ]
    rows["per_mu.adjustment"] = [
        _adjustment(VETOED, "veto", "direct_d", 0, "违法排污：一票否决，直接列为D类", "甬罚〔2024〕1号"),
        _adjustment(SAVED, "protection", "not_below_c", 0, "小升规企业：不低于C类", None),
        _adjustment(GOOD, "bonus", "points", 5, "国家级品牌：加5分", "甬品〔2024〕2号"),
    ]
    rows["core.enterprise_event"] = [
        {
            "event_id": f"veto{VETOED}",
            "year": "2024",
            "uscc": VETOED,
            "event_date": date(2024, 5, 6),
            "event_kind_code": "penalty",
            "event_code": "illegal_discharge",
            "document_code": "甬罚〔2024〕1号",
        }
    ]
    rows["core.consent_state"] = [
        _consent_state(GOOD, "2024", "given"), _consent_state(VETOED, "2024", "withdrawn"),
        _consent_state(BOTTOM, "2024", "not_given"), _consent_state(TENANT, "2024", "not_needed", "not_needed"),
    ]  # fmt: skip
    rows["core.consent"] = [
        {"uscc": uscc, "year": "2024", "consent_purpose_code": "per_mu_evaluation", "given_uscc": uscc,
         "consent_from_date": date(2025, 5, 10), "consent_end_date": end, "is_consent_withdrawn": end is not None,
         "consent_kinds": ["sheet"]}
        for uscc, end in ((GOOD, None), (VETOED, date(2025, 6, 2)))
    ]  # fmt: skip
    _add_chains(rows)
    _add_profiles(rows)
    return rows


def _consent_state(uscc: str, year: str, state: str, profile: str = "not_given") -> Row:
    return {
        "uscc": uscc, "year": year, "district_code": "330203", "is_in_statistics": state != "not_needed",
        "per_mu_consent_code": state, "profile_consent_code": profile, "chain_consent_code": profile,
    }  # fmt: skip


def _enterprise(uscc: str, year: str) -> Row:
    return {
        "uscc": uscc, "year": year, "enterprise_name": NAMES[uscc], "district_code": "330203",
        "industry_code": "3670", "industry_division_code": "36", "is_above_scale": uscc not in (TENANT, LANDLESS),
        "directory_change_code": "none", "registered_date": date(2010, 6, 1), "registration_status_code": "active",
        "former_name": "宁波旧名电器厂" if uscc == GOOD and year == "2024" else None, "identity_flags": [],
        "town_code": None if uscc == UNTOLD else "330203102",
        "town_note_code": "other_district" if uscc == UNTOLD else None, "known_at": KNOWN,
    }  # fmt: skip


def _figures(uscc: str, year: str) -> Row:
    has_statistics = uscc not in (TENANT, INCOMPLETE)
    return {
        "uscc": uscc, "year": year, "land_area_mu": None if uscc == LANDLESS else "32.5", "land_own_mu": "30",
        "land_lease_mu": "2.5", "output_wan_yuan": "12345.678901" if has_statistics else None,
        "value_added_wan_yuan": "-120.5" if uscc == BOTTOM else "2500" if has_statistics else None,
        "tax_vat_wan_yuan": None if uscc == INCOMPLETE else "600", "tax_paid_stat_wan_yuan": "9999",
        "tax_income_wan_yuan": None if uscc == INCOMPLETE else "50", "known_at": KNOWN,
        "missing_feeds": ["gov_tax", "gov_statistics"] if uscc == INCOMPLETE else [],
        "quarantined_feeds": ["gov_energy"] if uscc == INCOMPLETE else [],
    }  # fmt: skip


_STATUS: dict[str, tuple[str, list[str]]] = {
    EXEMPT: ("exempt", ["industry:44"]),
    PROTECTED: ("protected", ["new_land"]),
    INCOMPLETE: ("data_incomplete", ["missing:gov_tax", "zero:land_area_mu"]),
    LANDLESS: ("out_of_scope", ["no_land_use"]),
    GONE: ("out_of_scope", ["registration:moved_out"]),
    SAVED: ("graded", ["upgraded"]),
}


def _population(uscc: str, year: str) -> Row:
    status, reasons = _STATUS.get(uscc, ("graded", []))
    return {
        "uscc": uscc, "year": year, "district_code": "330203", "eval_status_code": status, "status_reasons": reasons,
        "list_code": "tenant" if uscc == TENANT else "above_scale", "rule_set_id": RULES, "land_area_mu": "99",
        "protected_until_date": date(2026, 5, 4) if uscc == PROTECTED else None,
        "evaluation_uscc": GOOD if uscc == TENANT else uscc,
        "unit_role_code": "inherits" if uscc == TENANT else "own",
    }  # fmt: skip


def _grades(year: str) -> list[Row]:
    """The list by rank: two initial A, one of them vetoed; a refill into A; B; a refill into B; C; and two initial D,
    one of them protected. The tenant inherits a grade."""
    listed = [
        (TOP, "A", "A", "150", []),
        (VETOED, "A", "D", "130", ["veto:illegal_discharge"]),
        (EDGE_A, "B", "A", "111.25", ["refill"]),
        (GOOD, "B", "B", "101.5", []),
        (REFILLED, "C", "B", "80", ["refill"]),
        (EVIL, "C", "C", "60", []),
        (SAVED, "D", "C", "40", ["protection:upgraded"]),
        (BOTTOM, "D", "D", "20.125", []),
    ]
    rows = [
        {
            "uscc": uscc, "year": year, "initial_grade": initial, "final_grade": final, "total_score": total,
            "grade_reasons": reasons, "rank_in_list": rank, "list_size": len(listed),
            "percentile_pct": 100 * (len(listed) - rank + 1) / len(listed),
            "district_code": "330203", "list_code": "above_scale", "evaluation_uscc": uscc, "evaluation_version": 1,
            "indicator_score": Decimal(total) - (5 if uscc == GOOD else 0), "penalty_points": 0,
            "bonus_points": 5 if uscc == GOOD else 0, "is_tie": False, "status_code": "initial", "rule_set_id": RULES,
        }
        for rank, (uscc, initial, final, total, reasons) in enumerate(listed, 1)
    ]  # fmt: skip
    [holder] = [row for row in rows if row["uscc"] == GOOD]
    tenant = {
        **holder, "uscc": TENANT, "list_code": "tenant", "evaluation_uscc": GOOD, "rank_in_list": None,
        "percentile_pct": None, "grade_reasons": [f"inherited:{GOOD}"],
    }  # fmt: skip
    return [*rows, tenant]


def _indicators(uscc: str, year: str) -> list[Row]:
    """Six indicators on 99 mu, 792 tce, 198 employees and 10,000 of revenue; the R&D share makes up each firm's total.

    Only TOP reports emissions: 3960 / 5 t = 792 scores 792 / 900 × 10 = 8.8, which is also the average.
    """
    tax = "0" if uscc in (EVIL, BOTTOM) else "1831.5"
    added = {SAVED: "0", BOTTOM: "-120.5"}.get(uscc, "3960")
    tonnes = "5" if uscc == TOP else None
    share = {
        TOP: "0.1409", VETOED: "0.1009", EDGE_A: "0.0634", GOOD: "0.0339", REFILLED: "0.0009", EVIL: "0.0164",
        SAVED: "0.0069", BOTTOM: "0.02265",
    }[uscc]  # fmt: skip
    sides = [
        ("I1", tax, "99", "20", 30), ("I2", added, "99", "80", 20), ("I3", added, "792", "4", 20),
        ("I4", added, tonnes, "900", 10), ("I5", added, "198", "25", 10),
        ("I6", Decimal(share) * 10_000, "10000", "0.02", 10),
    ]  # fmt: skip
    return [_indicator(uscc, year, *given) for given in sides]


def _indicator(uscc: str, year: str, code: str, n: Any, d: str | None, baseline: str, weight: int) -> Row:
    value = None if d is None else (Decimal(n) / Decimal(d)).quantize(Decimal("0.000001"))
    score = Decimal("8.8")
    note: str | None = "group_average"
    if value is not None:
        score, note = max(value, Decimal(0)) / Decimal(baseline) * weight, None
        if value < 0:
            note = "negative_zero"
    return {
        "uscc": uscc, "year": year, "indicator_code": code, "numerator": n, "denominator": d, "value": value,
        "baseline": baseline, "weight": weight, "score": score, "is_missing": value is None, "note_code": note,
        "district_code": "330203", "list_code": "above_scale",
    }  # fmt: skip


def _adjustment(uscc: str, kind: str, effect: str, points: int, reason: str, document: str | None) -> Row:
    return {
        "uscc": uscc, "year": "2024", "adjustment_code": f"{kind}:x", "event_id": f"{kind}{uscc}",
        "adjustment_kind_code": kind, "points": points, "effect_code": effect, "reason_zh": reason,
        "document_code": document, "district_code": "330203",
    }  # fmt: skip


def _add_chains(rows: dict[str, list[Row]]) -> None:
    nodes = [("GDMJ-M01", "注塑模具", "GDMJ", "weak", ["few_firms"]),
             ("XTCX-M02", "磁钢", "XTCX", "strong", ["large_with_honours"])]  # fmt: skip
    for code, name, _, state, why in nodes:
        rows["chain.node"].append(
            {"node_code": code, "year": "2024", "node_name_zh": name, "node_name_en": f"Node {code}"}
        )
        rows["chain.gap"].append(
            {"node_code": code, "year": "2024", "state_code": state, "state_reasons": [*why, "no_rule_holds"]}
        )
    position = {"year": "2024", "tier_code": "mid", "is_confirmed": True, "override_reason": None}
    rows["chain.node_enterprise"] = [
        {**position, "uscc": GOOD, "node_code": "GDMJ-M01", "chain_code": "GDMJ", "position_share": "0.7",
         "confidence": "0.85", "position_reasons": ["declared", "sold"]},
        {**position, "uscc": GOOD, "node_code": "XTCX-M02", "chain_code": "XTCX", "position_share": "0.1",
         "confidence": "0.4", "position_reasons": ["class_evidence"], "is_confirmed": False},
        {**position, "uscc": GOOD, "node_code": "OUT", "chain_code": "OUT", "position_share": "0.2",
         "confidence": "0.5", "position_reasons": [], "tier_code": None, "is_confirmed": False},
        {**position, "uscc": VETOED, "node_code": "OUT", "chain_code": "OUT", "position_share": "1",
         "confidence": "0.5", "position_reasons": [], "tier_code": None, "is_confirmed": False},
        # a share of 0 is no position
        {**position, "uscc": VETOED, "node_code": "GDMJ-M01", "chain_code": "GDMJ", "position_share": "0",
         "confidence": "0", "position_reasons": ["stray_product"], "is_confirmed": False},
    ]  # fmt: skip


def _add_profiles(rows: dict[str, list[Row]]) -> None:
    for period, day in (
        ("2023", date(2023, 12, 31)),
        ("2024", date(2024, 12, 31)),
        ("2024-12", date(2024, 12, 31)),
    ):
        table = "profile.{}" if len(period) == 4 else "profile.{}_month"
        rows[table.format("enterprise_profile")].append(
            {"uscc": GOOD, **when(period), "as_of_date": day, "size_class_code": "medium", "trend_code": "rising",
             "risk_level_code": "high", "risk_reasons": ["grade_d"], "profile_completeness": "0.8125"}
        )  # fmt: skip
        rows[table.format("enterprise_tag")] += [
            {"uscc": GOOD, **when(period), "tag_code": "tag_0", "tag_kind_code": "honour",
             "tag_evidence": ["tax_vat_wan_yuan=600.000000", "list_code=above_scale"]},
            {"uscc": GOOD, **when(period), "tag_code": f"tag_{len(period)}", "tag_kind_code": "watch",
             "tag_evidence": []},
        ]  # fmt: skip
        rows[table.format("comprehensive_score")].append(score(GOOD, period))
    rows["profile.comprehensive_score_month"].append(
        {**score(VETOED, "2024-12"), "comprehensive_score": None, "rank_in_peers": None, "peer_count": None,
         "rank_in_city": None, "score_change": None, "change_dimension_code": None, "growth_score": None,
         "scale_score": None, "missing_dimensions": ["scale", "growth"]}
    )  # fmt: skip


def when(period: str) -> Row:
    """A year, or a month and its year."""
    return {"year": period[:4]} | ({"month": period} if len(period) > 4 else {})


def score(uscc: str, period: str) -> Row:
    dimensions = ("scale", "efficiency", "growth", "innovation", "green", "digital", "credit", "contribution")
    return {
        "uscc": uscc, **when(period), "peer_level_code": "division_size", "peer_group": "36/medium",
        **{f"{d}_score": 10 * n + 5 for n, d in enumerate(dimensions)}, "comprehensive_score": "55.25",
        "missing_dimensions": [], "rank_in_peers": 12, "peer_count": 48, "peer_percentile_pct": "77.0833",
        "indicator_percentiles": ["tax_vat_wan_yuan=80.5", "output_wan_yuan=12.5", "revenue_wan_yuan=30"],
        "rank_in_city": 812, "scored_count": 8100, "score_change": "-3.5", "change_dimension_code": "growth",
        "change_part": "-2.1",
    }  # fmt: skip
