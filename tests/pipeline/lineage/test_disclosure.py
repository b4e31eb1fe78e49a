"""What a column may show follows from what it is made of; a contract that shows more says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.contract import LINEAGE, SCHEMAS, ContractError, contract, contracts, fields, parse_contract
from schemas.disclosure import UNTRACED, faults, read_lineage, settled, withheld
from schemas.field import SENSITIVITIES

GRADES = "per_mu.enterprise_grade"


def test_no_contract_shows_more_than_it_gives_a_reason_for() -> None:
    assert faults(contracts(), SCHEMAS / LINEAGE) == []


#: Column → its sensitivity, and whether it rests on the firm's consent, as a lawyer reads them from the feeds.
SHOWN = {
    # tax is known to the offices, statistics only with consent, and what is made of both is as strict as statistics
    "core.enterprise_year.tax_vat_wan_yuan": ("internal", False),
    "core.enterprise_year.value_added_wan_yuan": ("statistics", True),
    "per_mu.unit.tax_contribution_wan_yuan": ("internal", False),
    "per_mu.indicator_value.value": ("statistics", True),
    "per_mu.indicator_value.score": ("statistics", True),
    "per_mu.enterprise_grade.total_score": ("statistics", True),
    "profile.enterprise_profile.tax_per_mu_wan_yuan": ("internal", True),
    "profile.enterprise_profile.value_added_per_mu_wan_yuan": ("statistics", True),
    "profile.enterprise_profile.tax_total_wan_yuan": ("internal", False),
    # published lists show grades only; a place among others is for the offices, and percentiles for neighbours
    "per_mu.enterprise_grade.final_grade": ("public", True),
    "per_mu.enterprise_grade.rank_in_list": ("internal", True),
    "per_mu.city_rank.percentile_pct": ("internal", True),
    "chain.local_supplier.final_grade": ("public", True),
    # sums over firms use statistics as statistics
    "per_mu.district_summary.tax_per_mu_wan_yuan": ("public", False),
    "per_mu.district_summary.value_added_per_mu_without_giants_wan_yuan": ("public", False),
    # with and without a list's one giant gives the giant's own figure
    "per_mu.baseline.value": ("public", False),
    "per_mu.baseline.value_with_giants": ("statistics", True),
    # whether a firm consented is no figure of it
    "core.consent.consent_from_date": ("internal", False),
    "core.consent_state.profile_consent_code": ("internal", True),
    "chain.chain_metrics.output_wan_yuan": ("internal", False),
    "chain.gap.output_wan_yuan": ("internal", False),
    # the largest firm's share and the sum give its figure
    "chain.node_metrics.cr1_pct": ("statistics", True),
    "chain.node_metrics.lead_uscc": ("statistics", True),
    # rules alone
    "chain.node.node_name_zh": ("public", False),
    "per_mu.baseline.rule_source": ("public", False),
    # what the business registry publishes
    "core.enterprise.enterprise_name": ("public", False),
    "core.enterprise.uscc": ("public", False),
}


@pytest.mark.parametrize("column", SHOWN)
def test_what_a_column_shows(column: str) -> None:
    table, _, name = column.rpartition(".")
    found = contract(table).column(name)
    assert (found.sensitivity, found.rests_on_consent) == SHOWN[column]


def test_the_legal_basis_is_the_strictest_of_the_feeds() -> None:
    assert contract("core.enterprise_year").column("tax_vat_wan_yuan").legal_basis == "administration"
    assert contract("core.enterprise_year").column("value_added_wan_yuan").legal_basis == "statistics_only"
    # a published grade was worked out from them all the same
    assert contract(GRADES).column("final_grade").legal_basis == "statistics_only"
    assert contract(GRADES).legal_basis == "statistics_only"
    assert contract("core.parcel").legal_basis == "administration"
    assert contract("raw.gov_tax").legal_basis == "administration"


#: Figures in rows of one firm that anybody may see: they count what the registry, the patent office and lists publish.
OPEN_FIGURES = {
    "age_years", "register_completeness", "honour_count", "grade_d_years", "months_covered", "patents_applied_count",
    "patents_granted_count", "inventions_valid_count", "patents_valid_count", "evaluation_version", "supersedes",
    # what a published grade brings, by published rules and baselines
    "rate", "years_in_d_count", "superseded_version", "corrected_version", "tax_per_mu_bound", "baseline_unit_count",
}  # fmt: skip


def test_figures_of_one_firm_are_not_public() -> None:
    """Amounts, scores and shares: of a firm only grades, codes, names, dates and flags may be public."""
    open_figures = {
        column.name
        for spec in contracts().values()
        for column in spec.columns
        if spec.layer == "staged" and "uscc" in spec.key
        if column.type.startswith(("decimal", "int", "bigint")) and column.sensitivity == "public"
    }
    assert open_figures <= OPEN_FIGURES


# --- faults ---------------------------------------------------------------------------------------------------


def _with(name: str, edit: Callable[[dict[str, Any]], object]) -> list[str]:
    """Faults after one contract was edited."""
    area, table = name.split(".")
    raw = yaml.safe_load((SCHEMAS / area / f"{table}.yml").read_text(encoding="utf-8"))
    edit(raw)
    edited = contracts() | {name: parse_contract(area, table, raw)}
    return faults(edited, SCHEMAS / LINEAGE)


def test_a_column_more_public_than_its_sources_is_a_fault_that_says_what_to_write() -> None:
    [said] = _with(GRADES, lambda raw: raw["columns"]["indicator_score"].update(sensitivity="public"))
    assert said == (
        "per_mu.enterprise_grade.indicator_score is said to be public, but it is made of per_mu.indicator_value.score "
        "(statistics); say nothing of its sensitivity, or add to schemas/per_mu/enterprise_grade.yml: disclosed: "
        "[{columns: [indicator_score], shown_as: public, because: who may show it, by which document}]"
    )


def test_a_column_that_is_said_to_be_open_stays_closed_until_there_is_a_reason() -> None:
    raw = yaml.safe_load((SCHEMAS / "per_mu" / "enterprise_grade.yml").read_text(encoding="utf-8"))
    raw["columns"]["indicator_score"]["sensitivity"] = "public"
    edited = settled(
        contracts() | {GRADES: parse_contract("per_mu", "enterprise_grade", raw)}, SCHEMAS / LINEAGE
    )
    assert edited[GRADES].column("indicator_score").sensitivity == "statistics"


def test_a_contract_may_be_stricter_without_a_reason() -> None:
    assert _with(GRADES, lambda raw: raw["columns"]["list_size"].update(sensitivity="personal")) == []


def test_a_reason_that_is_not_needed_is_a_fault() -> None:
    extra = {"columns": ["year"], "shown_as": "public", "because": "no secret"}
    [said] = _with(GRADES, lambda raw: raw["disclosed"].append(extra))
    assert said.startswith(
        "per_mu.enterprise_grade.year is public by what it is made of; take it out of `disclosed`"
    )


def test_what_is_made_of_a_sum_needs_the_number_of_firms_as_well() -> None:
    def forget(raw: dict[str, Any]) -> None:
        raw["disclosed"] = [d for d in raw["disclosed"] if "output_growth_pct" not in d["columns"]]

    [said] = _with("chain.gap", forget)
    assert "chain.gap.output_growth_pct is made of chain.node_metrics.output_growth_pct" in said
    assert "counted_by" in said


def test_a_column_that_was_not_traced_is_closed(tmp_path: Path) -> None:
    lines = (SCHEMAS / LINEAGE).read_text(encoding="utf-8").splitlines()
    kept = tmp_path / "lineage.csv"
    kept.write_text(
        "\n".join(line for line in lines if not line.startswith("core.parcel,year,")), encoding="utf-8"
    )
    found = settled(contracts(), kept)["core.parcel"].column("year")
    assert (found.sensitivity, found.legal_basis) == (UNTRACED.sensitivity, UNTRACED.legal_basis)
    said = faults(contracts(), kept)
    assert said[0] == "core.parcel.year is not in schemas/lineage.csv; run python -m pipeline.lineage"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda d: d.update(columns=["no_column"]), "no_column is not among the columns"),
        (lambda d: d.update(columns=["final_grade", "final_grade"]), "final_grade is named twice"),
        (lambda d: d.update(counted_by="list_size"), "counted_by and least_firms belong together"),
        (lambda d: d.pop("because"), "because"),
    ],
)
def test_a_malformed_disclosure_is_refused(edit: Callable[[dict[str, Any]], object], said: str) -> None:
    raw = yaml.safe_load((SCHEMAS / "per_mu" / "enterprise_grade.yml").read_text(encoding="utf-8"))
    edit(raw["disclosed"][0])
    with pytest.raises(ContractError, match=said):
        parse_contract("per_mu", "enterprise_grade", raw)


def test_a_feed_discloses_nothing() -> None:
    raw = yaml.safe_load((SCHEMAS / "raw" / "gov_tax.yml").read_text(encoding="utf-8"))
    raw["disclosed"] = [{"columns": ["uscc"], "shown_as": "public", "because": "no secret"}]
    with pytest.raises(ContractError, match="only a derived table discloses"):
        parse_contract("raw", "gov_tax", raw)


# --- definitions say nothing that follows ------------------------------------------------------------------


def test_fields_of_derived_tables_alone_say_no_sensitivity() -> None:
    handed_in = {c.name for spec in contracts().values() if spec.layer != "staged" for c in spec.columns}
    stated = [n for n, entry in fields().items() if "sensitivity" in entry.model_fields_set]
    assert sorted(set(stated) - handed_in) == [], "delete it: it follows from what the column is made of"


def test_derived_tables_say_no_legal_basis() -> None:
    stated = [
        spec.name
        for spec in contracts().values()
        if spec.layer == "staged"
        and "\nlegal_basis:" in (SCHEMAS / spec.area / f"{spec.table}.yml").read_text(encoding="utf-8")
    ]
    assert stated == [], "delete legal_basis: it follows from the feeds behind the columns"


def test_every_line_of_the_kept_file_is_a_column() -> None:
    known = {
        f"{spec.name}.{c.name}"
        for spec in contracts().values()
        if spec.layer == "staged"
        for c in spec.columns
    }
    assert set(read_lineage(SCHEMAS / LINEAGE)) == known


# --- sums over few firms -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "is_withheld"), [(0, True), (1, True), (2, True), (3, False), (500, False), (None, False)]
)
def test_sums_over_fewer_than_three_firms_are_withheld(count: int | None, is_withheld: bool) -> None:
    names = withheld(contract("per_mu.baseline"), {"unit_count": count})
    assert names == (frozenset({"value"}) if is_withheld else frozenset())


def test_each_sum_has_its_own_count() -> None:
    few = withheld(contract("chain.node_metrics"), {"reporting_count": 5, "comparable_count": 2})
    assert "output_growth_pct" in few and "output_wan_yuan" not in few


def test_the_order_of_sensitivity() -> None:
    assert SENSITIVITIES == ("public", "internal", "statistics", "personal")
