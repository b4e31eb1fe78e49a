"""企业环节定位 Positions of enterprises: the nodes of a firm, its share in each, and the reasons.

Evidence of every kind comes as rows (firm, year, node) and is summed once; the steps after that compare a firm's
nodes. Position shares follow declared revenue and recorded sales by node where either counts, else the weights of
the firm's class, adjusted by its purchases. Weights and thresholds are data in ``evidence.yml``; decisions of people
are in ``overrides.yml``.

The module is one, above 300 lines: evidence, shares and confidence of a position are one chain of steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.frames import (
    class_frame,
    division_frame,
    edge_frame,
    holds,
    is_honour,
    name_frame,
    override_frame,
    place_frame,
    product_frame,
    segments,
)
from jobs.chain.rules.policy import KINDS, OUT, ChainRules, EvidenceModel, chain_rules, part_of_one
from jobs.columns.arithmetic import divide, ratio
from jobs.columns.rows import at_least, at_most, materialised, row_id, with_part
from jobs.columns.values import flags
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.node_enterprise"
PART = "decimal(9,6)"
ROW = ["uscc", "year", "node_code"]
FIRM = ["uscc", "year"]
#: Measures of evidence → type, summed over a firm's rows of a node; null where a kind has no such measure.
MEASURES = {
    "class_weight": "bigint",
    "is_sole": "int",
    "declared": "decimal(18,6)",
    "repeated": "int",
    "sold": "decimal(18,6)",
    "trades": "bigint",
    "override_part": PART,
}


def node_enterprise(
    enterprises: DataFrame,
    products: DataFrame,
    trades: DataFrame,
    events: DataFrame,
    patents: DataFrame,
    rules: ChainRules,
) -> DataFrame:
    """One row per enterprise, node and year; every enterprise of the directory has at least one row.

    Args:
        enterprises: the year's directory.
        products: declared products, of the years up to it.
        trades: sales and purchases by product, of the year's months or, where it has none, of the nearest year's.
        events: honours up to the year.
        patents: patents up to the year.
    """
    firms = enterprises.select("uscc", "year", "district_code", "is_above_scale", "industry_code", "known_at")
    traded = F.broadcast(materialised(_traded_years(firms, trades, rules)))
    trades = trades.withColumnRenamed("year", "traded_year")
    sales = trades.join(traded.drop("basket_year"), "traded_year", "inner")
    evidence = [_of_class(firms, rules), _declared(firms, products, rules), _sold(sales, rules)]
    if rules.overrides.overrides:
        evidence.append(_decided(firms, rules))
    # purchases and patents support a node that other evidence names; they name none themselves
    is_named = "coalesce(class_weight, declared, sold, override_part) is not null"
    nodes = materialised(_added_up(evidence).where(is_named))
    rows = materialised(
        nodes.join(traded, "year", "left")
        .transform(with_part, _bought(trades, traded, rules), ["uscc", "basket_year", "node_code"])
        .transform(with_part, _patented(firms, patents, rules), ROW)
        .drop("basket_year", "traded_year")
    )
    return (
        rows.transform(_scored)
        .transform(with_part, _honoured(firms, events, rules.evidence), FIRM, "inner")
        .transform(_of_division, rules)
        .transform(_counted, rules.evidence)
        .transform(_shared, rules.evidence)
        .join(place_frame(enterprises.sparkSession, rules.models), "node_code", "left")
        .transform(_described, rules.evidence)
        .transform(_with_override_reasons, rules)
        .join(traded.drop("basket_year"), "year", "left")
        .withColumn("row_id", row_id("uscc", "node_code", "year"))
        .select(*contract(TABLE).column_names)
    )


# --- evidence as rows ------------------------------------------------------------------------------------


def _added_up(evidence: Iterable[DataFrame]) -> DataFrame:
    """Evidence of several kinds, summed to one row for each firm, year and node."""
    return (
        reduce(DataFrame.unionByName, map(_full, evidence))
        .groupBy(*ROW)
        .agg(*(F.sum(name).cast(kind).alias(name) for name, kind in MEASURES.items()))
    )


def _full(rows: DataFrame) -> DataFrame:
    """A kind's rows with the measures of all kinds."""
    have = set(rows.columns)
    return rows.select(
        *ROW,
        *((F.col(n) if n in have else F.lit(None)).cast(kind).alias(n) for n, kind in MEASURES.items()),
    )


def _of_class(firms: DataFrame, rules: ChainRules) -> DataFrame:
    """Nodes of the firm's class; OUT for a class without a node, and for a firm of unknown class."""
    classes = class_frame(firms.sparkSession, rules.models, rules.evidence.class_ranks).drop("words")
    firm, model = firms.alias("f"), classes.alias("c")
    is_of = (F.col("f.industry_code") == F.col("c.industry_code")) & holds("f.year")
    return firm.join(model, is_of, "left").select(
        "f.uscc", "f.year",
        F.coalesce("c.node_code", F.lit(OUT)).alias("node_code"),
        F.coalesce("c.class_weight", F.lit(1)).alias("class_weight"),
        F.coalesce(F.col("c.is_sole"), F.lit(False)).cast("int").alias("is_sole"),
    )  # fmt: skip


def _traded_years(firms: DataFrame, trades: DataFrame, rules: ChainRules) -> DataFrame:
    """For each year the year whose trades are used: the nearest one that has some, of two the earlier.

    Trades are recorded for some years only. A firm that sold magnets in December made them in the year before as well.
    Without this, a chain would seem to grow in the first year with trades, by the firms that the trades place in it.

    Years with the same trades and models have the same baskets. They are computed for the first one, ``basket_year``.
    """
    distance = F.abs(F.col("year").cast("int") - F.col("traded_year").cast("int"))
    models = F.greatest(
        F.lit(""), *(F.when(F.col("year") >= start, start) for start, _, _ in segments(rules.models))
    )
    years = (
        firms.select("year").distinct()
        .crossJoin(trades.select(F.col("year").alias("traded_year")).distinct())
        .groupBy("year")
        .agg(F.min_by("traded_year", F.struct(distance, "traded_year")).alias("traded_year"))
        .withColumn("models", models)
    )  # fmt: skip
    first = years.groupBy("traded_year", "models").agg(F.min("year").alias("basket_year"))
    return years.join(first, ["traded_year", "models"], "inner").drop("models")


def _home(rows: DataFrame, rules: ChainRules) -> DataFrame:
    """Rows with the node of their product; OUT for a product without a node."""
    places = product_frame(rows.sparkSession, rules.models).drop("fed_node_codes").alias("p")
    row = rows.alias("r")
    is_home = (F.col("r.product_code") == F.col("p.product_code")) & holds("r.year")
    return row.join(places, is_home, "left").select(
        "r.*", F.coalesce("p.node_code", F.lit(OUT)).alias("node_code")
    )


def _declared(firms: DataFrame, products: DataFrame, rules: ChainRules) -> DataFrame:
    """Declared revenue shares of the year; the products of a firm that declares no share at all count alike.

    Shares need not sum to 100: they are divided by their sum. A product without a share beside others with one
    adds nothing. ``repeated``: declared in enough years up to this one, or in the first year with any declaration. It
    is never set where the declared name is that of another product of the list: the code is then most likely wrong.
    """
    years = firms.select("year").distinct().crossJoin(products.agg(F.min("period").alias("first_year")))
    now = F.col("period") == F.col("year")
    names = name_frame(firms.sparkSession)
    is_other = F.coalesce(F.col("named_code") != F.col("product_code"), F.lit(False))
    said = (
        products.select("uscc", "product_code", "product_name", "period", "revenue_share_pct")
        .join(names, "product_name", "left")
        .join(F.broadcast(years), F.col("period") <= F.col("year"), "inner")
        .groupBy("uscc", "year", "product_code")
        .agg(
            F.max(F.when(now, F.col("revenue_share_pct"))).alias("share"),
            F.max(now).alias("is_said"),
            F.max(now & is_other).alias("is_misnamed"),
            F.count("*").alias("told"),
            F.max("first_year").alias("first_year"),
        )
        .where("is_said")
    )
    said = materialised(said)
    stated = F.col("stated")
    share = F.when(F.coalesce(stated, F.lit(0)) > 0, F.col("share")).otherwise(F.lit(1))
    is_repeated = (F.col("told") >= rules.evidence.stray.years_told) | (F.col("year") == F.col("first_year"))
    repeated = (is_repeated & ~F.col("is_misnamed")).cast("int")
    of_firm = said.groupBy(*FIRM).agg(F.max("share").alias("stated"))
    return _home(
        said.join(of_firm, FIRM, "inner").withColumns({"declared": share, "repeated": repeated}), rules
    )


def _sold(trades: DataFrame, rules: ChainRules) -> DataFrame:
    """Sales by the product's node."""
    sales = trades.where(f"trade_side_code = 'sale' and uscc <> '{OUT}'")
    return _home(
        sales.select(
            "uscc", "year", "product_code", F.col("trade_total_wan_yuan").alias("sold"),
            F.col("trade_count").alias("trades"),
        ),
        rules,
    )  # fmt: skip


def _bought(trades: DataFrame, traded: DataFrame, rules: ChainRules) -> DataFrame:
    """Fit of the firm's purchases to a node's inputs: sum of the smaller of both parts over the node's suppliers."""
    years = traded.select("traded_year", F.col("basket_year").alias("year")).distinct()
    purchases = trades.where(f"trade_side_code = 'purchase' and uscc <> '{OUT}'").join(
        F.broadcast(years), "traded_year", "inner"
    )
    totals = purchases.groupBy(*FIRM).agg(F.sum("trade_total_wan_yuan").cast("decimal(18,6)").alias("total"))
    basket = (
        _home(purchases, rules)
        .groupBy(*ROW)
        .agg(F.sum("trade_total_wan_yuan").cast("decimal(18,6)").alias("amount"))
        .join(totals, FIRM, "inner")
        .withColumn("basket_part", ratio(F.col("amount"), F.col("total")))
    )
    edges = edge_frame(trades.sparkSession, rules.models).alias("e")
    row = basket.alias("b")
    feeds = (F.col("b.node_code") == F.col("e.seller_node_code")) & holds("b.year")
    # purchases that sum to zero are no basket
    return (
        row.where("basket_part is not null")
        .join(edges, feeds, "inner")
        .select("b.uscc", "b.year", "e.node_code", F.least("b.basket_part", "e.recipe_part").alias("fit"))
        .groupBy("uscc", F.col("year").alias("basket_year"), "node_code")
        .agg(F.sum("fit").cast("decimal(18,6)").alias("fit"))
    )


def _patented(firms: DataFrame, patents: DataFrame, rules: ChainRules) -> DataFrame:
    """Patents known by the year whose title names a product of a node of the firm's class."""
    # as first reported: a later report on a patent must not change an earlier year
    titles = at_least(patents, ["patent_code"], "period").select(
        "uscc", F.col("patent_title").alias("title"), F.col("period").alias("known_year")
    )
    words = class_frame(firms.sparkSession, rules.models, rules.evidence.class_ranks).alias("c")
    held = firms.select("uscc", "year", "industry_code").join(titles, "uscc", "inner")
    mine = held.where("known_year <= year").alias("f")
    is_of = (F.col("f.industry_code") == F.col("c.industry_code")) & holds("f.year")
    # a title counts once for a node, however many of its products it names
    named = (
        mine.join(words, is_of, "inner")
        .select("f.uscc", "f.year", "c.node_code", "f.title", F.explode("c.words").alias("word"))
        .where(F.contains("title", "word"))
        .groupBy("uscc", "year", "node_code", "title")
        .agg(F.lit(1).alias("patents"))
    )
    return named.groupBy(*ROW).agg(F.sum("patents").cast("bigint").alias("patents"))


def _decided(firms: DataFrame, rules: ChainRules) -> DataFrame:
    """Positions that people decided."""
    given = override_frame(firms.sparkSession, rules.overrides.overrides).alias("o")
    firm = firms.alias("f")
    return firm.join(given, (F.col("f.uscc") == F.col("o.uscc")) & holds("f.year"), "inner").select(
        "f.uscc", "f.year", "o.node_code", "o.override_part"
    )


# --- a firm's nodes together -------------------------------------------------------------------------------


def _with_totals(rows: DataFrame, columns: Iterable[str]) -> DataFrame:
    """Rows, already materialised, with the sums over all of the firm's nodes as ``<column>_all``."""
    sums = (F.sum(c).cast("decimal(24,6)").alias(f"{c}_all") for c in columns)
    return with_part(rows, rows.groupBy(*FIRM).agg(*sums), FIRM, "inner")


def _scored(rows: DataFrame) -> DataFrame:
    """Scores: parts of the firm's declared revenue, sales and class weight; the fit of its purchases."""
    totals = ("declared", "sold", "class_weight", "override_part")
    return (
        _with_totals(rows, totals)
        .withColumns(
            {
                "is_decided": F.col("override_part_all").isNotNull(),
                "product_score": ratio(F.col("declared"), F.col("declared_all")).cast(PART),
                "sales_score": ratio(F.col("sold"), F.col("sold_all")).cast(PART),
                "class_score": F.coalesce(
                    ratio(F.col("class_weight"), F.col("class_weight_all")), F.lit(0)
                ).cast(PART),
                # least() skips nulls
                "purchase_score": F.when(
                    F.col("fit").isNotNull(), F.least(F.col("fit"), F.lit(Decimal(1)))
                ).cast(PART),
            }
        )
        .drop(*(f"{c}_all" for c in totals))
    )


def _of_division(rows: DataFrame, rules: ChainRules) -> DataFrame:
    """``is_near``: the firm's class is in the division of one of the node's classes; OUT is near every firm."""
    divisions = division_frame(rows.sparkSession, rules.models).alias("d")
    row = rows.alias("r")
    is_of = (
        (F.left("r.industry_code", F.lit(2)) == F.col("d.industry_division_code"))
        & (F.col("r.node_code") == F.col("d.node_code"))
        & holds("r.year")
    )
    near = F.col("d.node_code").isNotNull() | (F.col("r.node_code") == OUT)
    return row.join(divisions, is_of, "left").select("r.*", near.alias("is_near"))


def _counted(rows: DataFrame, evidence: EvidenceModel) -> DataFrame:
    """Which products and sales count; evidence that does not is stray: kept, with share 0.

    The farther a node is from the firm's class, the larger the part of the firm that must be in it.
    """
    stray = evidence.stray
    product = F.coalesce("product_score", F.lit(0))
    sales = F.coalesce("sales_score", F.lit(0))
    of_class, of_division, alone = (
        F.lit(part_of_one(p)) for p in (stray.of_class_pct, stray.of_division_pct, stray.alone_pct)
    )
    agree = (product >= of_class) & (sales >= of_class)
    own = F.col("class_weight").isNotNull() | agree
    enough = F.when(own, of_class).when(F.col("is_near"), of_division).otherwise(alone)
    is_repeated = F.coalesce(F.col("repeated") > 0, F.lit(False)) | (sales >= of_class)
    is_traded = own | F.coalesce(F.col("trades") >= stray.trades, F.lit(False))
    return rows.withColumns(
        {
            "product_counts": (product > 0) & (product >= enough) & is_repeated,
            "sales_count": (sales > 0) & (sales >= enough) & is_traded,
        }
    )


def _shared(rows: DataFrame, evidence: EvidenceModel) -> DataFrame:
    """Position shares that sum to exactly 1: truncated to six digits, the remainder added to the largest."""
    product = F.when(F.col("product_counts"), F.col("product_score") * evidence.shares.product)
    sales = F.when(F.col("sales_count"), F.col("sales_score") * evidence.shares.sales)
    by_class = F.col("class_score") * (
        F.lit(evidence.purchases.base) + F.coalesce("purchase_score", F.lit(0)).cast(PART)
    )
    amounts = {
        "by_data": (F.coalesce(product, F.lit(0)) + F.coalesce(sales, F.lit(0))).cast("decimal(18,6)"),
        "by_class": F.round(by_class, 6).cast("decimal(18,6)"),
        "by_people": F.col("override_part").cast("decimal(18,6)"),
    }
    cut = materialised(
        _with_totals(materialised(rows.withColumns(amounts)), amounts)
        .withColumn("has_data", F.col("by_data_all") > 0)
        .withColumn(
            "amount",
            F.when(F.col("is_decided"), F.coalesce("by_people", F.lit(0)))
            .when(F.col("has_data"), F.col("by_data"))
            .otherwise(F.col("by_class"))
            .cast("decimal(18,6)"),
        )
        .withColumn(
            "amount_all",
            F.when(F.col("is_decided"), F.col("by_people_all"))
            .when(F.col("has_data"), F.col("by_data_all"))
            .otherwise(F.col("by_class_all")),
        )
        .withColumn("cut", divide(F.col("amount"), F.col("amount_all"), mode="down").cast(PART))
    )
    # of equal shares that of the first node by code is the largest
    largest = at_least(at_most(cut.select(*ROW, "cut"), FIRM, "cut"), FIRM, "node_code")
    left = F.lit(Decimal(1)) - F.coalesce(F.col("cut_all"), F.lit(0))
    return (
        _with_totals(cut, ["cut"])
        .transform(with_part, largest.select(*ROW, F.lit(True).alias("is_largest")), ROW)
        .withColumn(
            "position_share",
            F.when(F.col("is_largest"), F.col("cut") + left).otherwise(F.col("cut")).cast(PART),
        )
        # for firms with data, other nodes of the class are dropped; stray evidence is kept
        .where("position_share > 0 or product_score > 0 or sales_score > 0")
    )


def _honoured(firms: DataFrame, events: DataFrame, evidence: EvidenceModel) -> DataFrame:
    """Firms with the honours that are in force in the year."""
    honours = evidence.honours
    given = (
        events.where(is_honour(honours.champion) | is_honour(honours.little_giant))
        .select(
            "uscc",
            F.col("year").alias("event_year"),
            F.coalesce(F.date_format("valid_until_date", "yyyy"), F.lit("9999")).alias("until_year"),
            is_honour(honours.champion).cast("int").alias("champion"),
            is_honour(honours.little_giant).cast("int").alias("little_giant"),
        )
        .alias("e")
    )
    firm = firms.select("uscc", "year").alias("f")
    in_force = (F.col("f.year") >= F.col("event_year")) & (F.col("f.year") <= F.col("until_year"))
    # some hundreds of firms: their years are computed separately and broadcast
    named = (
        firm.join(F.broadcast(given), (F.col("f.uscc") == F.col("e.uscc")) & in_force, "inner")
        .groupBy("f.uscc", "f.year")
        .agg(F.max("champion").alias("champion"), F.max("little_giant").alias("little_giant"))
    )
    return (
        firms.join(F.broadcast(named), ["uscc", "year"], "left")
        .withColumns(
            {
                "is_champion": F.coalesce(F.col("champion") > 0, F.lit(False)),
                "is_little_giant": F.coalesce(F.col("little_giant") > 0, F.lit(False)),
            }
        )
        .drop("champion", "little_giant")
    )


def _described(rows: DataFrame, evidence: EvidenceModel) -> DataFrame:
    """Honour score, confidence, confirmation, reasons."""
    honours = evidence.honours
    patents = F.least(
        ratio(F.coalesce("patents", F.lit(0)), F.lit(honours.patents_for_full)), F.lit(Decimal(1))
    ).cast(PART)
    awarded = F.when(F.col("is_champion") | F.col("is_little_giant"), F.col("position_share")).otherwise(
        F.lit(0)
    )
    of_patents = F.lit(1 - honours.honour_part)
    honour = F.round(awarded.cast(PART) * F.lit(honours.honour_part) + patents * of_patents, 6).cast(PART)
    is_class_alone = F.coalesce(F.col("is_sole") > 0, F.lit(False)) & ~F.col("has_data")
    share, fit = (
        F.lit(part_of_one(p))
        for p in (evidence.purchases.confirm_share_pct, evidence.purchases.confirm_fit_pct)
    )
    by_basket = (
        ~F.col("is_decided")
        & ~F.col("has_data")
        & ~is_class_alone
        & (F.col("position_share") >= share)
        & F.coalesce(F.col("purchase_score") >= fit, F.lit(False))
    )
    confirmed = F.col("is_decided") | F.col("has_data") | is_class_alone | by_basket
    reasons = flags(
        class_and_purchases=by_basket & (F.col("node_code") != OUT),
        class_evidence=F.col("class_weight").isNotNull(),
        declared=F.col("product_counts"),
        honour=F.col("honour_score") > 0,
        only_node_of_class=is_class_alone,
        override=F.col("is_decided"),
        purchases=F.col("purchase_score") > 0,
        sold=F.col("sales_count"),
        stray_product=(F.col("product_score") > 0) & ~F.col("product_counts"),
        stray_sales=(F.col("sales_score") > 0) & ~F.col("sales_count"),
    )
    return (
        rows.withColumn("honour_score", honour)
        .withColumn("confidence", _confidence(evidence))
        .withColumns(
            {
                "is_confirmed": confirmed & (F.col("position_share") > 0) & (F.col("node_code") != OUT),
                "position_reasons": reasons,
            }
        )
    )


def _confidence(evidence: EvidenceModel) -> Column:
    """Sum of weight × strength over the kinds, at most 1; strength is full from a share on; stray adds nothing."""
    counts = {"product": F.col("product_counts"), "sales": F.col("sales_count")}
    parts = []
    for kind in KINDS:
        given = evidence.kinds[kind]
        value = F.coalesce(F.col(f"{kind}_score"), F.lit(0)).cast(PART)
        full = F.lit(part_of_one(given.full_from_pct))
        strength = F.least(ratio(value, full), F.lit(Decimal(1))).cast(PART)
        part = strength * F.lit(given.weight)
        parts.append(F.when(counts[kind], part).otherwise(F.lit(0)) if kind in counts else part)
    total = F.least(F.round(reduce(add, parts), 6), F.lit(Decimal(1)))
    return F.when(F.col("is_decided"), F.lit(Decimal(1))).otherwise(total).cast(PART)


def _with_override_reasons(rows: DataFrame, rules: ChainRules) -> DataFrame:
    """The reason and document of an override, on all rows of the firm."""
    if not rules.overrides.overrides:
        return rows.withColumn("override_reason", F.lit(None).cast("string"))
    given = override_frame(rows.sparkSession, rules.overrides.overrides)
    reasons = given.select("uscc", "from_year", "to_year", "override_reason").distinct().alias("o")
    row = rows.alias("r")
    is_of = (F.col("r.uscc") == F.col("o.uscc")) & holds("r.year")
    return row.join(F.broadcast(reasons), is_of, "left").select("r.*", "o.override_reason")


JOB = Job(
    table=TABLE,
    transform=node_enterprise,
    inputs={
        "enterprises": Input("core.enterprise"),
        "products": Input("raw.ent_product", "upto"),
        "trades": Input("chain.trade", "nearest"),
        "events": Input("core.enterprise_event", "upto"),
        "patents": Input("raw.gov_patent", "upto"),
    },
    rules=chain_rules,
    evidence={
        "core.enterprise": {"uscc": "uscc", "year": "year"},
        "raw.ent_product": {"uscc": "uscc", "period": "year"},
        "chain.trade": {"uscc": "uscc", "year": "traded_year"},
        "core.enterprise_event": {"uscc": "uscc"},
        "raw.gov_patent": {"uscc": "uscc"},
    },
)
