"""The profile's peer: DuckDB doing the work of the profile's tables.

It computes the wide join with quotients, growth over one and three years, honours, cases and listings as of the day,
main nodes, months and completeness. Then it computes all tags with their evidence by the same rules, and percentiles,
dimensions, totals and ranks by division and size class. Its quotients are doubles, not exact decimals, and it omits the
reasons of risk and the causes of a score's change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.peer import Asked, Peer, statement
from warehouse import duck


def peer(asked: Asked) -> Peer:
    """The requested periods as a table, and the statements."""
    from jobs.profile.steps.periods import period_of_month, period_of_year

    periods = [period_of_year(asked.year, asked.month), period_of_month(asked.month)]
    rows = [
        {
            "period": p.name, "year": str(p.year), "figures_year": str(p.figures_year), "day": p.last_day,
            "before": str(p.figures_year - 1), "third": str(p.figures_year - 3), "last_month": p.last_month,
        }
        for p in periods
    ]  # fmt: skip
    return {"asked": rows}, {
        "profile.enterprise_profile": _profile_sql(),
        "profile.enterprise_tag": _tag_sql(asked),
        "profile.comprehensive_score": _score_sql(),
    }


def _profile_sql() -> str:
    from jobs.core.enterprise_year import TAX_COMPONENTS
    from jobs.profile.steps import parts as spec
    from jobs.profile.steps.wide_row import GROUPS

    taxes, parts = ", ".join(TAX_COMPONENTS), " + ".join(f"coalesce({c}, 0)" for c in TAX_COMPONENTS)
    total = f"CASE WHEN coalesce({taxes}) IS NOT NULL THEN {parts} END"
    growth = [
        *(
            f"100 * ({c} / nullif(greatest(before_{c}, 0), 0) - 1) AS {name}"
            for c, name in spec.GROWTH.items()
        ),
        *(
            f"100 * (cbrt({c} / nullif(greatest(third_{c}, 0), 0)) - 1) AS {name}"
            for c, name in spec.COMPOUND.items()
        ),
    ]
    ratios = [
        f"{factor} * {part} / nullif(greatest({by}, 0), 0) AS {name}"
        for name, (factor, part, by) in _RATIOS.items()
    ]
    levels = ", ".join(map(duck.literal, spec.LEVELS))
    honours = [
        f"max(list_position([{levels}], level_code)) FILTER (event_kind_code = 'honour' AND is_valid"
        f" AND event_code IN ({', '.join(map(duck.literal, codes))})) AS {name}_rank"
        for name, codes in spec.HONOURS.items()
    ]
    groups = [
        f"({' + '.join(f'({c} IS NOT NULL)::INT' for c in fields)}) / {len(fields)} AS {name}_completeness"
        for name, fields in GROUPS.items()
    ]
    return statement(
        "profile.enterprise_profile",
        figures=", ".join(spec.FIGURES),
        tax_total=total,
        before=", ".join(f"max({c}) FILTER (f.year = a.before) AS before_{c}" for c in spec.GROWTH),
        third=", ".join(f"max({c}) FILTER (f.year = a.third) AS third_{c}" for c in spec.COMPOUND),
        honours=", ".join(honours),
        of_month=", ".join(f"max({c}) FILTER (back = 0) AS {c}" for c in _OF_MONTH),
        growth=", ".join(growth),
        ratios=", ".join(ratios),
        completeness=", ".join(groups),
    )


#: Quotient → factor, numerator, denominator.
_RATIOS: Mapping[str, tuple[int, str, str]] = {
    "energy_intensity": (1, "energy_tce", "value_added_wan_yuan"),
    "water_intensity": (1, "water_m3", "value_added_wan_yuan"),
    "emission_intensity": (1000, "emission_t", "value_added_wan_yuan"),
    "labour_productivity_wan_yuan": (1, "value_added_wan_yuan", "employees_average"),
    "tax_per_person_wan_yuan": (1, "tax_total_wan_yuan", "insured_count"),
    "profit_margin_pct": (100, "profit_wan_yuan", "revenue_wan_yuan"),
    "value_added_rate_pct": (100, "value_added_wan_yuan", "output_wan_yuan"),
    "sales_ratio_pct": (100, "sales_output_wan_yuan", "output_wan_yuan"),
    "export_share_pct": (100, "export_value_wan_yuan", "sales_output_wan_yuan"),
    "rd_ratio_pct": (100, "rd_expense_wan_yuan", "revenue_wan_yuan"),
    "new_product_ratio_pct": (100, "new_product_output_wan_yuan", "output_wan_yuan"),
    "node_output_share_pct": (100, "node_output_wan_yuan", "of_node"),
    "output_ytd_growth_pct": (
        100,
        "(output_ytd_wan_yuan - output_last_year_wan_yuan)",
        "output_last_year_wan_yuan",
    ),
    "orders_change_pct": (100, "(orders_now - orders_before)", "orders_before"),
}
_OF_MONTH = (
    "output_ytd_wan_yuan", "output_last_year_wan_yuan", "new_orders_wan_yuan", "orders_in_hand_wan_yuan",
    "capacity_utilisation_pct",
)  # fmt: skip


def _tag_sql(asked: Asked) -> str:
    """SQL for every tag whose rule is met, with its evidence, from the profile's Delta table."""
    from jobs.profile.rules.tags import tag_rules

    given = []
    for tag in tag_rules().tags:
        evidence = ", ".join(f"{duck.literal(f'{name}=')} || {name}::VARCHAR" for name in tag.evidence)
        entry = f"{{code: {duck.literal(tag.code)}, kind: {duck.literal(tag.kind)}, evidence: [{evidence}]}}"
        given.append(f"CASE WHEN {_condition(tag.node)} THEN {entry} END")
    return statement(
        "profile.enterprise_tag",
        tags=", ".join(given),
        year=duck.literal(asked.year),
        month=duck.literal(asked.month),
    )


_OPERATORS = {"eq": "=", "ge": ">=", "gt": ">", "le": "<=", "lt": "<", "is": "=", "is_not": "<>"}


def _condition(node: Any) -> str:
    """A tag's rule as a SQL condition."""
    from jobs.rules.condition import Several, Than

    if isinstance(node, Several):
        return "(" + (" AND " if node.how == "all" else " OR ").join(map(_condition, node.parts)) + ")"
    field, op, operand = node.field, node.op, node.operand
    if op in ("known", "unknown"):
        return f"{field} IS {'NOT ' if op == 'known' else ''}NULL"
    if op == "contains":
        return f"list_contains({field}, {duck.literal(operand)})"
    if op == "in":
        return f"{field} IN ({', '.join(map(duck.literal, operand))})"
    if isinstance(operand, Than):
        return f"{field} {_OPERATORS[op]} {operand.field} * {operand.factor}"
    value = duck.literal(operand) if isinstance(operand, str) else str(operand)
    return f"{field} {_OPERATORS[op]} {value}"


def _score_sql() -> str:
    """SQL for percentiles among peers, dimensions, totals, ranks and change, from the profile's Delta table."""
    from jobs.profile.rules.evaluation import evaluation

    rules = evaluation()
    signs = {name: "" if i.better == "more" else "-" for name, i in rules.indicators.items()}
    values = ", ".join(f"{sign}{name}::DOUBLE AS {name}" for name, sign in signs.items())
    names = ", ".join(rules.indicators)
    percentiles = ", ".join(f"max(pct) FILTER (indicator = '{name}') AS {name}" for name in rules.indicators)
    dimensions = ", ".join(
        f"{_weighted({n: i.weight for n, i in d.indicators.items()}, rules.least_indicator_weight)} AS {code}_score"
        for code, d in rules.dimensions.items()
    )
    total = _weighted(
        {f"{c}_score": d.weight for c, d in rules.dimensions.items()}, rules.least_dimension_weight
    )
    cases = {"division_size": "industry_division_code || '/' || size_class_code", "division": "industry_division_code",
             "size": "size_class_code", "city": "'city'"}  # fmt: skip
    levels = ", ".join(f"({n}, '{level}')" for n, level in enumerate(rules.peers.levels))
    group = " ".join(f"WHEN '{level}' THEN {sql}" for level, sql in cases.items())
    moved = ", ".join(f"n.{c}_score - b.{c}_score AS {c}_change" for c in rules.dimensions)
    return statement(
        "profile.comprehensive_score",
        values=values,
        in_scope=_condition(rules.in_scope),
        peer_groups=group,
        levels=levels,
        least_peers=rules.peers.least,
        indicators=names,
        percentiles=percentiles,
        dimensions=dimensions,
        total=total,
        moved=moved,
    )


def _weighted(weights: Mapping[str, Any], least: Any) -> str:
    """SQL for the weighted mean of the columns that have a value; NULL if their weight is less than ``least``."""
    points = " + ".join(f"coalesce({c}, 0) * {w}" for c, w in weights.items())
    weight = " + ".join(f"({c} IS NOT NULL)::INT * {w}" for c, w in weights.items())
    return f"CASE WHEN {weight} >= {least} THEN ({points}) / nullif({weight}, 0) END"
