"""Small worlds for the chain tables: a model of nine nodes; firms with products, purchases and sales."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobs.chain.chain_metrics import chain_metrics
from jobs.chain.chain_metrics_month import chain_metrics_month
from jobs.chain.gap import gap
from jobs.chain.local_supplier import local_supplier
from jobs.chain.node import node
from jobs.chain.node_enterprise import node_enterprise
from jobs.chain.node_metrics import node_metrics
from jobs.chain.node_metrics_month import node_metrics_month
from jobs.chain.rules.models import Chain, ChainModels, Node
from jobs.chain.rules.policy import (
    ChainRules,
    MetricRules,
    Overrides,
    SupplierRules,
    Target,
    evidence_model,
    state_rules,
    target,
)
from jobs.chain.supply_flow import supply_flow
from jobs.chain.target_progress import target_progress
from jobs.chain.trade import trade
from schemas.contract import code_list
from schemas.credit_code import check_character
from tests.frames import frame
from tests.jobs.per_mu.world import stored

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]


def _node(code: str, classes: str, products: str, feeds: dict[str, str] | None = None, **more: Any) -> Row:
    return {
        "chain_code": code[:3], "code": code, "title": {"zh": code, "en": code},
        "tier": {"U": "up", "M": "mid", "D": "down"}[code[4]], "classes": classes.split(),
        "products": products.split(), "substitutes": [], "valid_from": 2020, "valid_to": None,
        "feeds": [{"node": n, "cost_share_pct": s} for n, s in (feeds or {}).items()], **more,
    }  # fmt: skip


#: Classes 1712 and 1771 have one node and no product outside; 1713 and 1829 are in two nodes; 1711, 1781 and 1819 have
#: products outside; TST-D02 has services only; TST-M03 exists from 2024 on.
NODES = [
    _node("TST-U01", "1711", "171101", {"TST-M01": "60", "TST-M02": "30"}),
    _node("TST-U02", "1781", "178101", {"TST-M01": "40"}),
    _node("TST-M01", "1712 1713", "171201 171301", {"TST-D01": "70"}),
    _node("TST-M02", "1713 1761", "176101", {"TST-D01": "20", "EXT-M01": "10"}, substitutes=["TST-M01"]),
    _node("TST-M03", "1771", "177101", {"TST-D01": "10"}, valid_from=2024),
    _node("TST-D01", "1819 1829", "181901 182901"),
    _node("TST-D02", "5132", ""),
    _node("EXT-M01", "1829 1830", "183001", {"EXT-D01": "25"}),
    _node("EXT-D01", "2645", "264501"),
]  # fmt: skip
CLASSES = ("1711", "1781", "1712", "1713", "1761", "1771", "1819", "1829", "1830", "2645", "3670")
PRODUCTS = (
    "171101", "178101", "171201", "171301", "176101", "177101", "181901", "182901", "183001", "264501", "178102",
    "999999",
)  # fmt: skip
DISTRICTS = ("330203", "330206", "330213")
FEEDS_OF_NODE = {n["code"]: [f["node"] for f in n["feeds"]] for n in NODES}


def code_of(number: int) -> str:
    first = f"91330203{number:09d}"
    return first + check_character(first)


@dataclass
class World:
    """Rows of every input table."""

    enterprises: list[Row] = field(default_factory=list)
    products: list[Row] = field(default_factory=list)
    trades: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    patents: list[Row] = field(default_factory=list)
    years: list[Row] = field(default_factory=list)
    months: list[Row] = field(default_factory=list)
    grades: list[Row] = field(default_factory=list)
    overrides: list[Row] = field(default_factory=list)
    #: Firm → registration number.
    numbers: dict[str, str] = field(default_factory=dict)
    nodes: list[Row] = field(default_factory=lambda: NODES)

    def firm(
        self,
        name: str,
        industry: str | None,
        output: Any = None,
        *,
        year: str = "2024",
        makes: dict[str, Any] | None = None,
        sells: Iterable[tuple[str, str, Any]] = (),
        **given: Any,
    ) -> str:
        """A firm of a year: its class, output (万元), products with shares, sales (buyer, product, amount)."""
        self.enterprises.append(
            {
                "uscc": name, "year": year, "industry_code": industry, "district_code": "330203",
                "is_above_scale": output is not None, "enterprise_name": name,
                "registration_status_code": "active", **given,
            }
        )  # fmt: skip
        if output is not None:
            self.figures(name, year, output)
        for product, share in (makes or {}).items():
            self.products.append(
                {
                    "uscc": name, "period": year, "product_code": product, "product_name": product,
                    "revenue_share_pct": share,
                }
            )  # fmt: skip
        for buyer, product, amount in sells:
            self.trade(name, buyer, product, amount, f"{year}-12")
        return name

    def figures(self, name: str, year: str, output: Any, **given: Any) -> None:
        output = Decimal(str(output))
        self.years.append(
            {
                "uscc": name, "year": year, "district_code": self._district(name, year), "output_wan_yuan": output,
                "value_added_wan_yuan": output / 4, "revenue_wan_yuan": output, "profit_wan_yuan": output / 10,
                **given,
            }
        )  # fmt: skip

    def _district(self, name: str, year: str) -> str:
        return next(
            (e["district_code"] for e in self.enterprises if (e["uscc"], e["year"]) == (name, year)), "330203"
        )

    def trade(self, seller: str, buyer: str, product: str, amount: Any, period: str = "2024-12") -> None:
        self.trades.append(
            {
                "seller_code": seller, "buyer_code": buyer, "product_code": product, "period": period,
                "trade_wan_yuan": amount,
            }
        )  # fmt: skip

    def honour(self, name: str, code: str, level: str, year: str = "2024", until: date | None = None) -> None:
        self.event(name, "honour", code, level, year, until)

    def event(
        self,
        name: str,
        kind: str,
        code: str,
        level: str | None = None,
        year: str = "2024",
        until: date | None = None,
    ) -> None:
        self.events.append(
            {
                "event_id": f"E{len(self.events)}", "uscc": name, "year": year, "event_kind_code": kind,
                "event_code": code, "level_code": level, "event_date": date(int(year), 5, 1),
                "valid_until_date": until,
            }
        )  # fmt: skip

    def identifiers(self) -> list[Row]:
        """Organisation codes of all firms from their first year on, and registration numbers."""
        first = {
            e["uscc"]: e["year"] for e in sorted(self.enterprises, key=lambda e: e["year"], reverse=True)
        }
        codes = [("organisation_code", uscc[8:17], uscc) for uscc in first]
        codes += [("registration_number", number, uscc) for uscc, number in self.numbers.items()]
        return [
            {
                "identifier_kind_code": kind, "identifier": code, "uscc": uscc, "year": first[uscc],
                "valid_from_date": date(int(first[uscc]), 1, 1), "source_feed": "gov_business_registry",
                "is_disputed": False,
            }
            for kind, code, uscc in codes
        ]  # fmt: skip

    def models(self) -> ChainModels:
        def chain(code: str) -> Chain:
            own = [Node.model_validate(n) for n in self.nodes if n["chain_code"] == code]
            title = {"zh": code, "en": code}
            return Chain.model_validate(
                {"code": code, "title": title, "source": "测试", "nodes": own, "valid_from": 2020}
            )

        return ChainModels(tuple(chain(code) for code in dict.fromkeys(n["chain_code"] for n in self.nodes)))

    def frames(self, spark: SparkSession) -> dict[str, DataFrame]:
        return {
            "enterprises": frame(spark, "core.enterprise", self.enterprises),
            "products": frame(spark, "raw.ent_product", self.products),
            "trades": frame(spark, "raw.ent_trade", self.trades),
            "identifiers": frame(spark, "core.enterprise_identifier", self.identifiers()),
            "events": frame(spark, "core.enterprise_event", self.events),
            "patents": frame(spark, "raw.gov_patent", self.patents),
            "years": frame(spark, "core.enterprise_year", self.years),
            "months": frame(spark, "core.enterprise_month", self.months),
            "grades": frame(spark, "per_mu.enterprise_grade", self.grades),
        }


#: The plan's target, reduced to the output of the small worlds.
SMALL_TARGET = Target.model_validate(
    target().model_dump() | {"target_wan_yuan": "250000.5", "base_year": 2023, "target_year": 2025}
)
PLACES = 4


@dataclass
class Results:
    """Rows by table."""

    rows: dict[str, list[Row]]

    def positions(self, uscc: str, year: str = "2024") -> dict[str, Row]:
        """A firm's rows by node."""
        return {
            r["node_code"]: r for r in self.rows["node_enterprise"] if (r["uscc"], r["year"]) == (uscc, year)
        }

    def shares(self, uscc: str, year: str = "2024") -> dict[str, str]:
        return {n: f"{r['position_share']}" for n, r in sorted(self.positions(uscc, year).items())}

    def confirmed(self, uscc: str, year: str = "2024") -> list[str]:
        return sorted(n for n, r in self.positions(uscc, year).items() if r["is_confirmed"])

    def one(self, table: str, **key: Any) -> Row:
        [row] = [r for r in self.rows[table] if all(r[k] == v for k, v in key.items())]
        return row


def run(spark: SparkSession, world: World) -> Results:
    """Every job of the area in order, each on the stored results of the jobs before."""
    i, models = world.frames(spark), world.models()
    evidence = evidence_model()
    rules = ChainRules(models, evidence, Overrides.model_validate({"overrides": world.overrides}))
    metric = MetricRules(models, evidence.lead_output_wan_yuan)
    rows: dict[str, list[Row]] = {}

    def keep(name: str, result: DataFrame) -> DataFrame:
        kept, rows[name] = stored(result, f"chain.{name}")
        return kept

    nodes = keep("node", node(i["enterprises"], models))
    traded = keep("trade", trade(i["trades"], i["identifiers"]))
    placed = keep(
        "node_enterprise",
        node_enterprise(i["enterprises"], i["products"], traded, i["events"], i["patents"], rules),
    )
    flows = keep("supply_flow", supply_flow(traded, placed, models))
    years, months = i["years"], i["months"]
    grades = i["grades"]
    of_nodes = keep("node_metrics", node_metrics(years, years, months, placed, grades, flows, traded, metric))
    chains = keep("chain_metrics", chain_metrics(of_nodes, years, years, months, placed, grades, metric))
    by_month = keep(
        "node_metrics_month", node_metrics_month(months, years, placed, grades, flows, traded, metric)
    )
    keep("chain_metrics_month", chain_metrics_month(by_month, months, years, placed, grades, metric))
    keep("gap", gap(nodes, of_nodes, chains, state_rules()))
    keep("target_progress", target_progress(chains, chains, SMALL_TARGET))
    keep(
        "local_supplier",
        local_supplier(
            i["enterprises"],
            i["products"],
            traded,
            placed,
            i["grades"],
            i["events"],
            SupplierRules(models, PLACES),
        ),
    )
    return Results(rows)


def _misname(world: World, rng: random.Random, words: list[str]) -> None:
    """Give a fifth of the declared products a random product's name."""
    for line in world.products:
        if rng.random() < 0.2:
            line["product_name"] = rng.choice(words)


def random_world(seed: int) -> World:
    """Thirty firms in two years with irregular data: unknown codes, unrelated products, losses, missing figures."""
    rng = random.Random(seed)
    world = World()
    names = [code_of(seed * 100 + n) for n in range(30)]
    words = [code_list("product")[p]["zh"] for p in PRODUCTS if p in code_list("product")]
    for number, name in enumerate(names):
        industry = rng.choice((*CLASSES, None))
        for year in ("2023", "2024"):
            if rng.random() < 0.1:
                continue
            above = rng.random() < 0.6
            world.firm(
                name, industry, year=year, district_code=rng.choice(DISTRICTS), is_above_scale=above,
                registration_status_code=rng.choice(("active", "active", "cancelled", None)),
                makes={
                    p: rng.choice((None, "2.5", "10", "30", "60.25"))
                    for p in rng.sample(PRODUCTS, rng.choice((0, 0, 1, 2, 3)))
                },
            )  # fmt: skip
            if above and rng.random() < 0.9:
                _figures(world, rng, name, year)
            for version in range(1, rng.choice((1, 2, 3))):
                world.grades.append(
                    {
                        "uscc": name,
                        "year": year,
                        "final_grade": rng.choice("ABCD"),
                        "evaluation_version": version,
                        "figures_as_of": {"2023": "2023", "2024": "2024-06"}[year],
                    }
                )
        if rng.random() < 0.3:
            world.honour(
                name, rng.choice(("single_champion", "little_giant", "brand")),
                rng.choice(("national", "provincial")), rng.choice(("2023", "2024")),
                rng.choice((None, date(2023, 12, 31), date(2024, 6, 1))),
            )  # fmt: skip
        if rng.random() < 0.4:
            kind, year = rng.choice(("penalty", "credit")), rng.choice(("2023", "2024"))
            world.event(name, kind, "tax_evasion", None, year, rng.choice((None, date(2023, 8, 1))))
            if kind == "credit" and year == "2023" and rng.random() < 0.5:
                world.events.append(world.events[-1] | {"year": "2024", "valid_until_date": date(2024, 8, 1)})
        for patent in range(rng.choice((0, 0, 1, 3))):
            for period in sorted(rng.sample(("2022", "2023", "2024"), rng.choice((1, 2)))):
                world.patents.append(
                    {
                        "patent_code": f"{number}-{patent}", "uscc": name, "period": period,
                        "patent_title": f"一种{rng.choice(words)}的{rng.choice('甲乙')}装置",
                        "applied_date": date(2021, 1, 1),
                    }
                )  # fmt: skip
    strangers = ["91110000600037341L", "330200000012345", "12345678X"]
    codes: list[Callable[[], str]] = [
        lambda: rng.choice(names), lambda: rng.choice(names), lambda: rng.choice(names)[8:17],
        lambda: rng.choice(strangers),
    ]  # fmt: skip
    world.numbers[next(e["uscc"] for e in world.enterprises)] = "330200000054321"
    strangers.append("330200000054321")
    seen = set()
    for _ in range(220):
        row = (
            rng.choice(codes)(),
            rng.choice(codes)(),
            rng.choice(PRODUCTS),
            rng.choice(("2024-02", "2024-11", "2024-12")),
        )
        if row not in seen:
            seen.add(row)
            world.trade(*row[:3], f"{rng.randint(0, 90000) / 1000}", row[3])
    _misname(world, random.Random(-seed), words)
    world.overrides.append(
        {
            "uscc": names[0], "positions": {"TST-M01": "33.3333", "OUT": "66.6667"}, "from_year": 2024,
            "to_year": None, "reason": "认定", "document": "〔2024〕1号",
        }
    )  # fmt: skip
    return world


def _figures(world: World, rng: random.Random, name: str, year: str) -> None:
    def some(low: int, high: int) -> Decimal | None:
        return None if rng.random() < 0.1 else Decimal(rng.randint(low, high)) / 1000

    output = some(-1000, 300_000_000)
    world.figures(
        name, year, 0, output_wan_yuan=output, value_added_wan_yuan=some(-5_000_000, 60_000_000),
        revenue_wan_yuan=some(0, 300_000_000), profit_wan_yuan=some(-5_000_000, 9_000_000),
        rd_expense_wan_yuan=some(0, 9_000_000), export_value_wan_yuan=some(0, 9_000_000), energy_tce=some(0, 900_000),
    )  # fmt: skip
    for month in ("02", "12") if year == "2024" else ():
        world.months.append(
            {
                "uscc": name, "month": f"{year}-{month}", "year": year, "district_code": world._district(name, year),
                "output_ytd_wan_yuan": some(0, 90_000_000) or Decimal(1),
                "value_added_ytd_wan_yuan": some(0, 20_000_000) or Decimal(1),
                "revenue_ytd_wan_yuan": some(0, 90_000_000) or Decimal(1), "profit_ytd_wan_yuan": some(0, 100),
                "rd_ytd_wan_yuan": None, "export_ytd_wan_yuan": some(0, 100),
                "output_last_year_wan_yuan": some(0, 90_000_000),
                "value_added_last_year_wan_yuan": some(0, 20_000_000),
            }
        )  # fmt: skip
