"""Every code that a row can have is in a code list, with titles in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import get_args

import pytest

from jobs.bulletin.steps.suppression import STATISTICS
from jobs.chain.rules.models import Tier, load_titled
from jobs.chain.rules.policy import state_rules
from jobs.core.steps.following import SUCCEEDED
from jobs.per_mu.adjustment import PROTECTIONS
from jobs.per_mu.object_grade import STARRED
from jobs.per_mu.rules.frames import _event_rows
from jobs.per_mu.rules.models import Baseline, Indicator
from jobs.per_mu.rules.objects import object_rules
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.land import MEASURES
from jobs.per_mu.steps.objects.built import OF_SERVICES
from jobs.per_mu.steps.objects.units import SERVICES
from jobs.profile.rules.evaluation import Level, evaluation
from jobs.profile.rules.tags import tag_rules
from jobs.resource.rules.consequences import consequence_rules
from jobs.resource.rules.efficiency import efficiency_rules
from jobs.resource.rules.promises import promise_rules
from jobs.resource.steps.ledger import ENTRIES, REASONS, Part
from schemas.coded import _MADE, titled, value_lists
from schemas.contract import Contract, code_list, code_lists, contract, contracts, feeds, fields
from schemas.field import Column
from tests.conventions.emitted import emitted
from warehouse.settings import CHECKOUT

#: Names of columns with codes, by their endings; every array of strings has codes as well.
CODED = re.compile(
    r".*(_code|_codes|_status|_kind|_basis|_flags|_reasons|_tags|_grade|_feeds?|_classes|_group)|reasons|feed"
)
#: Columns with such names but without codes of our lists, each with the reason.
NO_CODES = {
    **dict.fromkeys(
        (
            "area_part_code", "building_code", "certificate_code", "complex_code", "confirmation_code",
            "document_code", "equipment_code", "grade_adjustment_code", "grant_code", "group_code",
            "land_contract_code", "meter_account_code", "need_code", "objection_code", "park_code", "parent_park_code",
            "patent_code", "permit_code", "policy_code", "project_code", "quota_transfer_code",
            "repair_document_code", "right_transfer_code", "visit_code", "water_account_code",
        ),
        "a number that an office gives to a single object",
    ),
    **dict.fromkeys(("seller_code", "buyer_code", "organisation_code"), "the code of a firm"),
    **dict.fromkeys(("hs_code", "ipc_code", "partner_country_code"), "an international classification, kept elsewhere"),
    "product_code": "senders know more products than the list, whose products are those of the chains",
    "reported_district_code": "as the sender wrote it, possibly a former district",
    "zone_code": "a zone listed in core.zone",
    "feed": "records stay when their feed is no longer delivered",
    "headings": "a sender's words",
    "source_record": "a sender's words",
    **dict.fromkeys(("claimants", "giants"), "credit codes"),
    "parcel_ids": "codes of parcels",
    "object_code": "the code of a parcel, building, park, zone, complex or firm",
    "ranking_group": "a group of industries that a rule set names",
    "grade_history": "figures as name=value",
    "indicator_percentiles": "figures as name=value",
    "tag_evidence": "figures as name=value",
}  # fmt: skip

#: Codes that the analysis finds but the column never has: the other branch of a condition on the same column.
NEVER_THERE = {
    ("per_mu.population", "eval_status_code"): {"no_land_use", "list_not_evaluated"},
    ("per_mu.population", "status_reasons"): {
        "out_of_scope", "exempt", "protected", "data_incomplete", "graded",
    },
}  # fmt: skip
#: Codes that no job emits, each with the reason.
NOT_YET: dict[tuple[str, str], str] = {}


def _adjusted() -> set[tuple[str, str, str]]:
    """Kind, code and effect of all adjustments in the rule sets."""
    rows = (row for rules in rule_book().all() for row in _event_rows("", "", rules))
    return {(str(row[6]), str(row[7]), str(row[9])) for row in rows}


#: Lists defined by a standard or a plan: no row needs to have each of their codes.
KEPT_ELSEWHERE = {"chain", "district", "product", "town"}


def _object_lists() -> set[str]:
    """Lists of the rule sets of objects."""
    return {code for _, _, rules in object_rules().items() for code in rules.lists}


#: List → codes that jobs take from rule files and models, not from their source.
FROM_RULES: dict[str, Callable[[], set[str]]] = {
    "adjustment": lambda: {code for _, code, _ in _adjusted()} | {f"protection:{p}" for p in PROTECTIONS},
    "adjustment_effect": lambda: {effect for _, _, effect in _adjusted()},
    "adjustment_kind": lambda: {kind for kind, _, _ in _adjusted()},
    "baseline_method": lambda: set(get_args(Baseline.model_fields["method"].annotation)),
    "chain_state": lambda: {rule.state for rule in state_rules().rules},
    "chain_tier": lambda: set(get_args(Tier)),
    "evaluation_dimension": lambda: set(evaluation().dimensions),
    "scoring": lambda: {
        f"{formula}{suffix}"
        for formula in get_args(Indicator.model_fields["scoring"].annotation)
        for suffix in ("", "_less")
    },
    # every figure of a unit, since an installation's indicators may use any
    "evaluation_figure": lambda: (
        {
            {"tax_contribution_wan_yuan": "tax_contribution"}.get(c.name, c.name)
            for c in contract("per_mu.unit").columns
            if c.unit and c.name not in ("member_count", "city_tax_contribution_wan_yuan")
        }
        | {"industry_code"}
    ),
    "grade_reason": lambda: (
        {code for kind, code, _ in _adjusted() if kind == "veto"} | {f"protection:{p}" for p in PROTECTIONS}
    ),
    "identifier_kind": lambda: set(SUCCEEDED.values()),
    "land_measure": lambda: set(MEASURES),
    "object_figure": lambda: {
        *OF_SERVICES.values(),
        "vacant_area_m2",
        "occupied_area_m2",
        "building_area_m2",
    },
    "object_grade_reason": lambda: set(STARRED),
    "object_kind": lambda: {"service_firm" if code in SERVICES else code for code in _object_lists()},
    "object_reason": lambda: {
        "no_rule_set",
        *(
            code
            for step in ("built", "land")
            for column in ("outside", "exempt", "protected", "gaps", "notes")
            for code in emitted(f"jobs.per_mu.steps.objects.{step}", column)
        ),
    },
    "per_mu_list": _object_lists,
    "listing_state": lambda: emitted("jobs.resource.steps.listing", "listing_state_code"),
    "low_efficiency_condition": lambda: emitted("jobs.resource.steps.listing", "failed_conditions"),
    "low_efficiency_measure": lambda: {one.measure for one in efficiency_rules().firms.measures},
    "peer_level": lambda: set(get_args(Level)),
    "promise_indicator": lambda: set(promise_rules().given.indicators),
    "protection": lambda: set(PROTECTIONS),
    "resource_measure": lambda: {one.measure for one in consequence_rules().given.measures},
    "resource_treatment": lambda: {
        step.treatment for one in consequence_rules().given.measures for step in one.steps if step.treatment
    },
    "risk_tag": lambda: {"penalty:", "accident:", "credit:"},
    "state_reason": lambda: {rule.reason for rule in state_rules().rules},
    "tag": lambda: {tag.code for tag in tag_rules().tags},
    "town_note": lambda: emitted("jobs.core.steps.towns", "town_note_code"),
    "tag_kind": lambda: {tag.kind for tag in tag_rules().tags},
    "account_part": lambda: set(get_args(Part)),
    "ledger_entry_kind": lambda: set(ENTRIES),
    "transfer_refusal": lambda: set(REASONS),
    "withheld_reason": lambda: {
        f"{reason}:" for reason in emitted("jobs.bulletin.steps.suppression", "reason") - set(STATISTICS)
    },
}


def _columns() -> Iterator[tuple[Contract, Column]]:
    for spec in contracts().values():
        for column in spec.columns:
            yield spec, column


def _is_listed(code: str, name: str) -> bool:
    """Whether a code is in a list; for a prefix, whether some code begins with it."""
    codes = titled(name)
    return code in codes or (code.endswith(":") and any(c.startswith(code) for c in codes))


# --- columns -------------------------------------------------------------------------------------------


def test_a_column_with_codes_names_its_list() -> None:
    without = sorted(
        {
            f"{spec.name}.{c.name}: write domain: {{codes: LIST}} in schemas/fields/, add schemas/codes/LIST.csv; "
            "if its values come from no list, as account numbers, add it to NO_CODES in this file"
            for spec, c in _columns()
            if (c.type.startswith("array") or (c.type == "string" and CODED.fullmatch(c.name)))
            and c.domain.codes is None
            and c.name not in NO_CODES
        }
    )
    assert without == []


def test_no_exception_is_obsolete() -> None:
    assert set(NO_CODES) - set(fields()) == set(), "no column has this name: remove it from NO_CODES"
    everywhere = {c.name for _, c in _columns()} - {c.name for _, c in _columns() if c.domain.codes is None}
    assert set(NO_CODES) & everywhere == set(), "the column names a list now: remove it from NO_CODES"


def test_every_named_list_exists_and_every_list_is_named() -> None:
    named = {c.domain.codes for _, c in _columns() if c.domain.codes}
    assert named <= set(value_lists()), "add schemas/codes/<list>.csv"
    # parts of other lists, and lists that jobs read
    parts = {
        "feed_group",
        "chain_outside",
        "protection",
        "quarantine_record",
        "quarantine_rule",
    }
    parts |= {
        "service_class",
        "figure_or_feed",
        "industry_prefix",
        "industry_group",
        "growth_figure",
        "published_figure",
        "former_district",
        "former_town",
        "object_figure",
        "profile_group",
    }
    assert set(value_lists()) - named == parts, (
        "no column names the list: remove it, or name it where it belongs"
    )
    assert set(code_lists()) & set(_MADE) == set(), (
        "schemas/coded.py builds a list of this name: rename the file"
    )


# --- lists ---------------------------------------------------------------------------------------------


def test_industry_groups_are_those_of_the_classes() -> None:
    assert set(code_list("industry_group")) == {code[:3] for code in code_list("industry_class")}
    assert set(code_list("industry_division")) == {code[:2] for code in code_list("industry_class")}
    assert all(row["division"] == code[:2] for code, row in code_list("industry_class").items())


# --- codes that jobs emit --------------------------------------------------------------------------------


def _emitted() -> dict[str, set[str]]:
    """List → codes that the source of jobs and the rule files put into its columns."""
    found: dict[str, set[str]] = {name: codes() for name, codes in FROM_RULES.items()}
    for spec, column in _columns():
        if spec.layer == "staged" and column.domain.codes:
            codes = emitted(f"jobs.{spec.name}", column.name) - NEVER_THERE.get(
                (spec.name, column.name), set()
            )
            found.setdefault(column.domain.codes, set()).update(codes)
    return found


def test_codes_of_jobs_are_in_their_list() -> None:
    missing = [
        f"add the row {code},zh,en to schemas/codes/{name}.csv"
        for name, codes in sorted(_emitted().items())
        for code in sorted(codes)
        if not _is_listed(code, name)
    ]
    assert missing == []


def test_every_code_of_our_lists_is_emitted_somewhere() -> None:
    """Lists of feeds or of other definitions may have codes that no job emits; our lists may not."""
    sent = {c.domain.codes for spec in feeds().values() for c in spec.columns}
    named = {c.domain.codes for spec, c in _columns() if spec.layer == "staged" and c.domain.codes}
    ours = named & set(code_lists()) - sent
    given = _emitted()
    idle = [
        f"no job emits {code}: remove its row from schemas/codes/{name}.csv, or name it in NOT_YET with the reason"
        for name in sorted(ours - KEPT_ELSEWHERE)
        for code in code_list(name)
        if code not in {g.partition(":")[0] for g in given[name]} and (name, code) not in NOT_YET
    ]
    assert idle == []


def test_no_emitted_code_is_named_in_not_yet() -> None:
    given = _emitted()
    assert [(name, code) for name, code in NOT_YET if code in given[name]] == []
    assert [(n, c) for n, c in NOT_YET if c not in code_list(n)] == []


def test_faults_that_readers_report_are_in_the_list() -> None:
    texts = (path.read_text(encoding="utf-8") for path in (CHECKOUT / "ingest").rglob("*.py"))
    found = {reason for text in texts for reason in re.findall(r"\b(?:record|key|period):[a-z_]+\b", text)}
    listed = set(code_list("quarantine_record"))
    assert found - listed == set(), "add the row CODE,zh,en to schemas/codes/quarantine_record.csv"
    assert listed - found == set(), (
        "no reader reports this: remove its row from schemas/codes/quarantine_record.csv"
    )


def test_nodes_are_those_of_the_chain_models() -> None:
    models = {node.code for chain in load_titled().chains for node in chain.nodes}
    assert set(titled("chain_node")) == {*models, "OUT"}


def test_figures_have_the_titles_of_their_columns() -> None:
    for name, titles in titled("evaluation_figure").items():
        if name in fields():
            assert (titles.zh, titles.en) == (fields()[name].zh, fields()[name].en)


# --- the analysis itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "column", "codes"),
    [
        ("jobs.core.parcel", "land_flags", {"disputed", "holder_succeeded", "no_certificate", "no_holder"}),
        ("jobs.chain.local_supplier", "supplier_evidence", {"declared", "sold"}),
        ("jobs.profile.enterprise_profile_month", "trend_code", {"rising", "steady", "falling"}),
        (
            "jobs.per_mu.baseline",
            "giant_treatment_code",
            {"published", "none", "counted", "nothing_left", "left_out"},
        ),
    ],
)
def test_codes_are_found_in_the_source_of_a_job(module: str, column: str, codes: set[str]) -> None:
    assert emitted(module, column) == codes


def test_prefixes_of_codes_are_found() -> None:
    assert {"missing:", "zero:", "quarantined:", "registration:", "industry:"} <= emitted(
        "jobs.per_mu.population", "status_reasons"
    )
