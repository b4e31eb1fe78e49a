"""Inputs of the per-mu evaluation, read from the senders' files.

It shares no code with the platform: headings, units and codes are the senders' own, arithmetic is exact, and the rules
of land and identity are those of docs/concepts/where-the-rules-are-silent.md and the contracts' descriptions.
``evaluate`` of tests/oracles/per_mu.py takes the result. Figures: 万元, 亩, tce, t, kWh.

The module is one, above 300 lines: the readers of all feeds mark the firms of which a record was refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from tests.oracles.identity import FOLLOWED, Change, behind
from tests.oracles.landing_files import (
    Key,
    Refused,
    Row,
    cut,
    day,
    firm_of,
    first_day,
    number,
    records,
    rounded,
    valid,
    word,
)

DISTRICTS = {
    "330203", "330205", "330206", "330211", "330212", "330213", "330225", "330226", "330281", "330282",
}  # fmt: skip
#: Abolished districts and today's.
FORMER = {"330204": "330212", "330227": "330212", "330283": "330213"}
CHANGES = {"吸收合并": "merge", "换发代码": "succession", "分支机构": "branch"}
USES = {"自用": "own", "租赁": "lease", "转租": "sublet"}
SUPPLY = {"出让": "granted", "划拨": "allocated", "协议": "agreement", "集体": "collective"}
MEMBERSHIP = {"无": "none", "新增": "new", "小升规": "upgraded", "退规": "dropped"}
REGISTERED = {"存续": "active", "在业": "active", "注销": "cancelled", "吊销": "revoked", "迁出": "moved_out"}
HONOURS = {
    "品牌": "brand", "政府质量奖": "quality_award", "高新技术企业": "hightech_enterprise",
    "单项冠军": "single_champion", "专精特新": "little_giant", "绿色工厂": "green_factory",
    "智能工厂": "smart_factory", "研发机构": "rd_body", "上市公司": "listed", "院士工作站": "academician_station",
}  # fmt: skip
LEVELS = {"国家级": "national", "省级": "provincial", "市级": "municipal", "区县级": "district"}
CASES = {
    "安全生产死亡事故": "safety_fatal", "重大环境责任事件": "environment_major", "违法排污": "illegal_discharge",
    "偷逃税": "tax_evasion", "淘汰类产能": "obsolete_capacity", "拒报数据": "report_refused",
    "重大质量事件": "quality_major", "一般行政处罚": "minor_fine",
}  # fmt: skip
TAXES = {
    "增值税": "vat", "免抵税额": "export_offset", "企业所得税": "income", "消费税": "consumption",
    "附加税费": "surcharge", "城镇土地使用税": "land_use", "房产税": "property", "其他税费": "other",
}  # fmt: skip
STATISTICS = {
    "工业增加值": "value_added_wan_yuan", "营业收入": "revenue_wan_yuan", "研发费用": "rd_expense_wan_yuan",
}  # fmt: skip
LEFT_OUT = {
    "查补税款": "audit_recovery", "拆迁补偿": "demolition", "房地产业务": "real_estate", "股权转让": "equity_transfer",
    "总部返还": "headquarters_rebate",
}  # fmt: skip
#: Why a joint meeting adjusts a grade.
ADJUSTED_FOR = {
    "异议采纳": "objection_accepted", "重大项目建设期": "major_project", "政策性搬迁": "relocation",
    "整改完成": "rectified", "负面事项": "adverse_event",
}  # fmt: skip
SQUARE_METRES_OF_A_MU = Fraction(10_000, 15)


@dataclass
class City:
    """What ``evaluate`` needs, and the firms of which a record was refused: (firm, year) → feeds."""

    firms: list[Row] = field(default_factory=list)
    parcels: list[Row] = field(default_factory=list)
    uses: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    refused: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: The last grade that a joint meeting gave a firm in a year, and why.
    adjusted: dict[Key, tuple[str, str]] = field(default_factory=dict)


# --- the city --------------------------------------------------------------------------------------


def city(landing: Path, years: list[str], industry_classes: set[str]) -> City:
    """The city of the years, from its senders' files."""
    return _Reader(landing, years, industry_classes).read()


class _Reader:
    def __init__(self, landing: Path, years: list[str], industry_classes: set[str]) -> None:
        self.landing, self.years, self.classes = landing, years, industry_classes
        self.city = City()
        self.changes = [
            Change(
                CHANGES[r["变更类型"]],
                r["原主体代码"],
                r["现主体代码"],
                first_day(r["生效日期"]),
                int(p),
            )
            for p, r in records(landing, "gov_identity_change")
            if r["变更类型"] in CHANGES
        ]
        assert {c.kind for c in self.changes} <= set(FOLLOWED)
        self.moved = {c.before for c in self.changes}

    def behind(self, code: str, period: str) -> str:
        return behind(self.changes, code, first_day(period)) if code in self.moved else code

    def accepted(self, feed: str, read: Callable[[str, Row], Row], heading: str, **form: str) -> list[Row]:
        """The feed's rows; a refused record casts doubt on its firm's year. The last of two rows with a key counts."""
        rows = []
        for period, record in records(self.landing, feed, **form):
            if period[:4] not in self.years and feed != "gov_business_registry":
                continue
            try:
                rows.append({"period": period, "year": period[:4], **read(period, record)})
            except Refused:
                code = str(record.get(heading) or "").strip()
                self.city.refused[self.behind(code, period), period[:4]].add(feed)
        return rows

    def read(self) -> City:
        self._land()
        self._events()
        self._adjustments()
        figures = self._figures()
        owing = self._owing()
        land = self._land_by_firm()
        for row in self._directory():
            key = row["uscc"], row["year"]
            refused = set(self.city.refused.get(key, ()))
            known = figures.get(key, {})
            if known.get("is_annual"):
                refused.discard("gov_statistics_monthly")
            self.city.firms.append(
                {**known, **land.get(key, {}), **row, "quarantined_feeds": sorted(refused),
                 "missing_feeds": self._missing(known, row, key in owing)}
            )  # fmt: skip
        return self.city

    @staticmethod
    def _missing(known: Row, row: Row, owes: bool) -> list[str]:
        above = row["is_above_scale"]
        due = {"gov_electricity": True, "gov_emission": owes, "gov_energy": above, "gov_social_insurance": True,
               "gov_statistics": above, "gov_tax": True}  # fmt: skip
        return [feed for feed, is_due in due.items() if is_due and feed not in known.get("feeds", ())]

    # --- who -------------------------------------------------------------------------------------

    def _directory(self) -> list[Row]:
        registry: dict[str, list[Row]] = defaultdict(list)

        def registered(period: str, r: Row) -> Row:
            district = FORMER.get(r["xzqh"], r["xzqh"])
            if district not in DISTRICTS and not str(district).startswith("3302"):
                raise Refused("xzqh")
            return {
                "uscc": firm_of(r, "tyshxydm"), "district": district, "industry": r["hydm"],
                "registered_date": day(r, "clrq"), "status": word(r, "djzt", REGISTERED),
            }  # fmt: skip

        for row in self.accepted("gov_business_registry", registered, "tyshxydm"):
            registry[row["uscc"]].append(row)

        def listed(period: str, r: Row) -> Row:
            uscc = str(r["统一社会信用代码"] or "").strip()
            faulty = not valid(uscc) or r["规模"] not in ("规上", "规下") or r["名录变动"] not in MEMBERSHIP
            faulty |= not r["单位详细名称"] or r["行业代码"] not in self.classes
            reported = FORMER.get(r["区划代码"], r["区划代码"])
            faulty |= reported not in DISTRICTS
            return {
                "uscc": uscc, "faulty": faulty, "reported": reported, "industry": r["行业代码"],
                "is_above_scale": r["规模"] == "规上", "directory_change_code": MEMBERSHIP.get(r["名录变动"], "none"),
            }  # fmt: skip

        rows = []
        for row in self.accepted("gov_statistics_directory", listed, "统一社会信用代码", encoding="gb18030"):
            known = [r for r in registry[row["uscc"]] if r["period"] <= row["period"]]
            last = max(known, key=lambda r: r["period"]) if known else None
            places = (
                row["reported"],
                last and last["district"],
                FORMER.get(row["uscc"][2:8], row["uscc"][2:8]),
            )
            industry = row["industry"] if row["industry"] in self.classes else last and last["industry"]
            if row["faulty"]:
                self.city.refused[row["uscc"], row["year"]].add("gov_statistics_directory")
            rows.append(
                {
                    **{k: row[k] for k in ("uscc", "year", "is_above_scale", "directory_change_code")},
                    "district_code": next((d for d in places if d in DISTRICTS), "330200"),
                    "industry_code": industry, "industry_division_code": industry and industry[:2],
                    "registered_date": last and last["registered_date"],
                    "registration_status_code": last and last["status"],
                }
            )  # fmt: skip
        return rows

    # --- figures ---------------------------------------------------------------------------------

    def _figures(self) -> dict[Key, Row]:
        """Figures of each firm and year; ``feeds`` are those in which it has a row."""
        found: dict[Key, Row] = defaultdict(lambda: {"feeds": set()})

        def add(feed: str, rows: list[Row], follow: bool = True) -> None:
            for row in rows:
                uscc = self.behind(row["uscc"], row["period"]) if follow else row["uscc"]
                mine = found[uscc, row["year"]]
                mine["feeds"].add(feed)
                for name, value in row.items():
                    if isinstance(value, Fraction):
                        mine[name] = mine.get(name, Fraction(0)) + value

        def tax(_: str, r: Row) -> Row:
            paid = {
                f"tax_{name}_wan_yuan": number(r, heading, None, heading == "增值税")
                for heading, name in TAXES.items()
            }
            paid["declared_revenue_wan_yuan"] = number(r, "申报营业收入")
            return {
                "uscc": firm_of(r, "纳税人识别号"),
                **{k: None if v is None else rounded(v / 10_000) for k, v in paid.items()},
            }

        def power(_: str, r: Row) -> Row:
            if not str(r["户号"]).strip():
                raise Refused("户号")
            used = number(r, "电量(万千瓦时)", needed=True)
            return {
                "uscc": firm_of(r, "社会信用代码"),
                "power_kwh": rounded((used or Fraction(0)) * 10_000, 2),
            }

        def energy(_: str, r: Row) -> Row:
            return {
                "uscc": firm_of(r, "统一社会信用代码"),
                "energy_tce": number(r, "综合能耗等价值", needed=True),
            }

        def emission(_: str, r: Row) -> Row:
            kilograms = [number(r, f"废水/{name}", needed=True) for name in ("化学需氧量", "氨氮")]
            tonnes = [number(r, f"废气/{name}", needed=True) for name in ("二氧化硫", "氮氧化物")]
            parts = [rounded((k or Fraction(0)) / 1000) for k in kilograms] + [
                rounded(t or Fraction(0)) for t in tonnes
            ]
            return {"uscc": firm_of(r, "企业/信用代码"), "emission_t": sum(parts, Fraction(0))}

        def insured(_: str, r: Row) -> Row:
            people = number(r, "参保人数", needed=True)
            if people is not None and people.denominator != 1:
                raise Refused("参保人数")
            return {"uscc": firm_of(r, "单位信用代码"), "insured": people}

        def left_out(_: str, r: Row) -> Row:
            amount = number(r, "金额(元)", needed=True)
            kind = word(r, "剔除类别", LEFT_OUT)
            return {
                "uscc": firm_of(r, "纳税人识别号"),
                f"tax_excluded_{kind}_wan_yuan": rounded((amount or Fraction(0)) / 10_000),
            }

        add("gov_tax", self.accepted("gov_tax", tax, "纳税人识别号", encoding="utf-8-sig"))
        of_tax = self.accepted("gov_tax_excluded", left_out, "纳税人识别号", encoding="utf-8-sig")
        add("gov_tax_excluded", of_tax)
        add("gov_electricity", self.accepted("gov_electricity", power, "社会信用代码"))
        add("gov_energy", self.accepted("gov_energy", energy, "统一社会信用代码"), follow=False)
        totals = {"合计", "总计", ""}
        emitted = self.accepted("gov_emission", emission, "企业/信用代码")
        add("gov_emission", emitted)
        for key in [k for k in self.city.refused if k[0] in totals]:
            self.city.refused[key].discard("gov_emission")
        insurance = self.accepted("gov_social_insurance", insured, "单位信用代码", delimiter="\t")
        add("gov_social_insurance", insurance)
        months: dict[Key, set[str]] = defaultdict(set)
        for row in insurance:
            months[self.behind(row["uscc"], row["period"]), row["year"]].add(row["period"])
        for key, told in months.items():
            found[key]["insured_count"] = rounded(found[key]["insured"] / len(told), 0)
        for key, row in self._statistics().items():
            found[key] |= {**row, "feeds": found[key]["feeds"] | {"gov_statistics"}}
        return found

    def _owing(self) -> set[Key]:
        """Firms and years that owe a report of emissions.

        They hold a permit (重点管理, 简化管理) for three months of the year or longer, since its first term on record.
        """

        def permitted(_: str, r: Row) -> Row:
            kinds = {"重点管理": "due", "简化管理": "due", "登记管理": "none"}
            return {
                "uscc": firm_of(r, "许可证/单位信用代码"), "code": r["许可证/编号"], "first": day(r, "有效期/自"),
                "last": day(r, "有效期/至"), "report": word(r, "许可证/管理类别", kinds),
            }  # fmt: skip

        rows = self.accepted("gov_discharge_permit", permitted, "许可证/单位信用代码")
        owing = set()
        for row in rows:
            terms = [r["first"] for r in rows if r["code"] == row["code"] and r["period"] <= row["period"]]
            year = int(row["year"])
            begins, ends = max(min(terms), date(year, 1, 1)), min(row["last"], date(year, 12, 31))
            months_later = date(year + (begins.month > 9), (begins.month + 2) % 12 + 1, 1)
            least = min(months_later + timedelta(begins.day - 1), _last_day(months_later))
            if row["report"] == "due" and least <= ends + timedelta(1):
                owing.add((self.behind(row["uscc"], row["period"]), row["year"]))
        return owing

    def _statistics(self) -> dict[Key, Row]:
        """The annual report, else the last month's cumulative figures."""
        found: dict[Key, Row] = {}
        for feed, suffix in (
            ("gov_statistics_monthly", "_本年累计(千元)"),
            ("gov_statistics_annual", "(千元)"),
        ):

            def stated(_: str, r: Row, suffix: str = suffix) -> Row:
                for heading in ("工业总产值", "工业销售产值", "新产品产值", "出口交货值"):
                    number(r, heading + suffix, needed=heading == "工业总产值")
                for heading in ("利润总额", "税金总额"):
                    number(r, heading + suffix, None)
                figures = {
                    name: number(r, heading + suffix, None if name == "value_added_wan_yuan" else 0,
                                 needed=name != "rd_expense_wan_yuan")
                    for heading, name in STATISTICS.items()
                }  # fmt: skip
                return {
                    "uscc": firm_of(r, "统一社会信用代码"),
                    **{k: None if v is None else v / 10 for k, v in figures.items()},
                    "employees_average": number(r, "平均用工人数(人)", needed=True),
                    "is_annual": suffix == "(千元)",
                }

            rows = self.accepted(feed, stated, "统一社会信用代码", encoding="gb18030")
            for row in sorted(rows, key=lambda r: r["period"]):
                found[row["uscc"], row["year"]] = {
                    k: row[k] for k in row if k not in ("period", "uscc", "year")
                }
        return found

    # --- land ------------------------------------------------------------------------------------

    def _land(self) -> None:
        def titled(period: str, r: Row) -> Row:
            area = number(r, "宗地面积(平方米)", needed=True)
            holder = str(r["权利人代码"] or "").strip()
            if holder and not valid(holder):
                raise Refused("权利人代码")
            return {
                "parcel_id": r["宗地代码"], "owner_uscc": self.behind(holder, period) if holder else None,
                "area": rounded((area or Fraction(0)) / SQUARE_METRES_OF_A_MU),
                "supply_mode_code": word(r, "供地方式", SUPPLY),
                "acquired_date": day(r, "取得日期", "/"),
                "completion_due_date": day(r, "约定竣工日期", "/"),
            }  # fmt: skip

        def surveyed(period: str, r: Row) -> Row:
            lessor = str(r["出租方代码"] or "").strip()
            if lessor and not valid(lessor):
                raise Refused("出租方代码")
            area = number(r, "用地面积(亩)")
            if area is not None and area > 20_000:
                raise Refused("用地面积(亩)")
            for heading in ("租赁起", "租赁止"):
                day(r, heading)
            user = firm_of(r, "用地企业代码")
            return {
                "parcel_id": r["宗地代码"], "sent": (user, lessor), "uscc": self.behind(user, period),
                "lessor_uscc": self.behind(lessor, period) if lessor else None,
                "use_type_code": word(r, "用地方式", USES), "surveyed": area, "floor": number(r, "建筑面积(平方米)"),
                "share": number(r, "建筑面积占比(%)"),
            }  # fmt: skip

        self.city.parcels = self.accepted("gov_land_parcel", titled, "权利人代码")
        rows = self.accepted("gov_land_survey", surveyed, "用地企业代码", encoding="gb18030")
        by_parcel: dict[Key, list[Row]] = defaultdict(list)
        for row in self._by_enterprise(rows):
            by_parcel[row["parcel_id"], row["year"]].append(row)
        parcels = {(p["parcel_id"], p["year"]): p for p in self.city.parcels}
        for key in by_parcel.keys() | parcels.keys():
            self.city.uses += list(_uses_of_parcel(key, parcels.get(key), by_parcel.get(key, [])))

    @staticmethod
    def _by_enterprise(rows: list[Row]) -> list[Row]:
        """One row for each parcel, enterprise and kind of use: rows of its several codes are summed."""
        groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in rows:
            moved = (row["uscc"], row["lessor_uscc"] or "") != row["sent"]
            if moved and row["uscc"] == row["lessor_uscc"]:
                row |= {"use_type_code": "own", "lessor_uscc": None}
            groups[row["parcel_id"], row["uscc"], row["use_type_code"], row["period"]].append(row)
        found = []
        for same in groups.values():
            by_code = {r["sent"][0]: r for r in same}
            one = dict(same[0])
            for name in ("surveyed", "floor", "share"):
                known = [r[name] for r in by_code.values() if r[name] is not None]
                one[name] = sum(known, Fraction(0)) if known else None
            found.append(one)
        return found

    def _land_by_firm(self) -> dict[Key, Row]:
        found: dict[Key, Row] = defaultdict(dict)
        for use in self.city.uses:
            mine = found[use["uscc"], use["year"]]
            kinds = ("land_area_mu", "land_own_mu" if use["use_type_code"] == "own" else "land_lease_mu")
            for name in kinds:
                mine[name] = mine.get(name, Fraction(0)) + use["used_area_mu"]
        return found

    # --- events ----------------------------------------------------------------------------------

    def _adjustments(self) -> None:
        found = [
            ((r["决定日期"], r["调档编号"]), r["统一社会信用代码"], period[:4], r)
            for period, r in records(self.landing, "gov_grade_adjustment")
        ]
        for _, uscc, year, r in sorted(found, key=lambda one: one[0]):
            self.city.adjusted[uscc, year] = (r["调整后等级"], ADJUSTED_FOR[r["调档理由"]])

    def _events(self) -> None:
        def honoured(_: str, r: Row) -> Row:
            return {
                "event_id": r["编号"], "uscc": firm_of(r, "企业/统一社会信用代码"), "event_kind_code": "honour",
                "event_code": word(r, "荣誉/类别", HONOURS), "level_code": word(r, "荣誉/级别", LEVELS),
                "event_date": day(r, "发文日期"), "valid_until_date": day(r, "有效期至"),
            }  # fmt: skip

        def punished(_: str, r: Row) -> Row:
            return {
                "event_id": r["决定书编号"], "uscc": firm_of(r, "统一社会信用代码"), "level_code": None,
                "event_kind_code": word(r, "类别", {"处罚": "penalty", "事故": "accident"}),
                "event_code": word(r, "事由", CASES), "valid_until_date": None,
            }  # fmt: skip

        self.city.events = [
            *self.accepted("gov_honour", honoured, "企业/统一社会信用代码"),
            *self.accepted("gov_penalty", punished, "统一社会信用代码"),
        ]


def _last_day(first: date) -> date:
    """Last day of a month, from its first day."""
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return following - timedelta(1)


def _uses_of_parcel(key: Key, parcel: Row | None, rows: list[Row]) -> Iterator[Row]:
    """Who uses how much of a parcel; all uses together never exceed it.

    A tenant's land is as surveyed, else its share of the floor area; what it sublets counts for the subtenant; tenants
    of more than the parcel are scaled down; the rest is the holder's. A use surveyed as larger than the parcel has its
    share of the floor area, else what all others leave.
    """
    parcel_id, year = key
    floors = sum((r["floor"] for r in rows if r["floor"] is not None), Fraction(0))
    measured = [r["surveyed"] for r in rows if r["surveyed"] is not None]
    area = parcel["area"] if parcel else sum(measured, Fraction(0))

    def is_beyond(row: Row) -> bool:
        return bool(
            parcel and row["surveyed"] is not None and Fraction(row["surveyed"]) > area * Fraction(101, 100)
        )

    def stated(row: Row) -> Fraction:
        if row["surveyed"] is not None and not is_beyond(row):
            return Fraction(row["surveyed"])
        if row["share"] is not None and parcel:
            return rounded(area * row["share"] / 100)
        if row["floor"] is not None and floors > 0:
            return rounded(area * row["floor"] / floors)
        return area if row["use_type_code"] == "own" and is_beyond(row) else Fraction(0)

    tenants = [r for r in rows if r["use_type_code"] != "own"]
    net = []
    for row in tenants:
        sublets = [r for r in tenants if (r["use_type_code"], r["lessor_uscc"]) == ("sublet", row["uscc"])]
        sublet = sum(map(stated, sublets), Fraction(0))
        net.append(max(Fraction(0), stated(row) - sublet) if row["use_type_code"] == "lease" else stated(row))
    let = sum(net, Fraction(0))
    used = [cut(area * mine / let) if let > area else mine for mine in net]
    beyond = [
        i
        for i, r in enumerate(tenants)
        if is_beyond(r) and not (r["share"] is not None or (r["floor"] is not None and floors > 0))
    ]
    surveyed_own = sum(
        (Fraction(r["surveyed"]) for r in rows if r["use_type_code"] == "own" and r["surveyed"] is not None),
        Fraction(0),
    )
    left = max(Fraction(0), area - let - surveyed_own)
    for i in beyond:
        used[i] = cut(
            left * Fraction(tenants[i]["surveyed"]) / sum(Fraction(tenants[k]["surveyed"]) for k in beyond)
        )
    common = {"parcel_id": parcel_id, "year": year}
    for row, mine in zip(tenants, used, strict=True):
        yield {
            **common,
            **{k: row[k] for k in ("uscc", "use_type_code", "lessor_uscc")},
            "used_area_mu": mine,
        }
    rest = area - sum(used, Fraction(0))
    holds = {**common, "use_type_code": "own", "lessor_uscc": None}
    own = [r for r in rows if r["use_type_code"] == "own"]
    if parcel and parcel["owner_uscc"]:
        yield {**holds, "uscc": parcel["owner_uscc"], "used_area_mu": rest}
    elif parcel:
        claimed = sum(map(stated, own), Fraction(0))
        for row in own:
            mine = cut(rest * stated(row) / claimed) if claimed > rest else stated(row)
            yield {**holds, "uscc": row["uscc"], "used_area_mu": mine}
