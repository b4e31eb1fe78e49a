"""The bulletin of the good city: its sums are the oracle's, and its list follows from the evaluation."""

from __future__ import annotations

from schemas.contract import contract
from tests.expectations.good_city import City, row_for
from tests.oracles import bulletin as oracle
from tests.oracles.bulletin import LEAST, Firm, Table


def add_bulletin(city: City) -> None:
    firms = [
        Firm(
            who["year"],
            who["uscc"],
            who["district_code"],
            who["industry_division_code"],
            who["is_above_scale"],
            {name: of["tax_vat_wan_yuan" if name == "tax_total_wan_yuan" else name] for name in LEAST},
        )
        for who, of in zip(city["core.enterprise"], city["core.enterprise_year"], strict=True)
    ]
    _sums(city, "city", oracle.city(firms))
    _sums(city, "district", oracle.district(firms))
    _sums(city, "division", oracle.division(firms))
    grades = {(r["uscc"], r["year"]): r["final_grade"] for r in city["per_mu.enterprise_grade"]}
    city["bulletin.grade_list"] = [
        row_for(
            contract("bulletin.grade_list"),
            **{k: row[k] for k in ("uscc", "year", "district_code", "list_code", "eval_status_code")},
            final_grade=grades.get((row["uscc"], row["year"])),
        )
        for row in city["per_mu.population"]
        if row["eval_status_code"] in ("graded", "exempt", "protected")
    ]


def _sums(city: City, unit: str, table: Table) -> None:
    spec = contract(f"bulletin.{unit}_total")
    key = {"district": "district_code", "division": "industry_division_code"}.get(unit)
    city[spec.name] = [
        row_for(
            spec,
            year=year,
            **({key: cell} if key else {}),
            **({} if unit == "division" else {"is_above_scale": is_above}),
            firm_count=row.firm_count,
            **row.figures,
            withheld_reasons=sorted(row.reasons),
        )
        for (year, cell, is_above), row in sorted(table.items(), key=str)
    ]
