"""The rule book 评价规则: all rule sets, one for each district and year.

Each file ``rule_sets/<id>.yml`` holds the rule of one district (or the city) for one or more evaluation years.
``extends`` inherits from another file: mappings merge, everything else is replaced, ``null`` removes. A file for
several years yields one rule set a year, ``<id>-<year>``; ``by_year`` holds the differences.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jobs.per_mu.rules.land_limits import land_limits
from jobs.per_mu.rules.models import KIND, RuleSet, duties, indicator_definitions, object_indicators
from jobs.per_mu.steps.reasons import FEED_FIGURES
from jobs.rules.base import RuleDocument, Rules
from schemas.contract import code_list, contract, digest
from schemas.errors import RejectedError, UsageError
from schemas.places import CITY


class RuleBook(Rules):
    """All rule sets, one for each district and year."""

    def __init__(self, rule_sets: Iterable[RuleSet]) -> None:
        #: What land can carry, for all rule sets.
        self.limits = land_limits()
        self._sets: dict[tuple[str, str], RuleSet] = {}
        by_id: dict[str, RuleSet] = {}
        for rule_set in rule_sets:
            if by_id.setdefault(rule_set.id, rule_set) != rule_set:
                raise RejectedError(f"two rule sets are called {rule_set.id}: give each its own id")
            for district in rule_set.district_codes:
                key = (district, rule_set.year)
                if key in self._sets:
                    raise RejectedError(
                        f"rule sets {self._sets[key].id} and {rule_set.id} both hold for district"
                        f" {district} in {rule_set.year}: keep one"
                    )
                self._sets[key] = rule_set

    def for_(self, district_code: str, year: str) -> RuleSet:
        """The rule set of a district for an evaluation year.

        Raises:
            UsageError: it does not exist.
        """
        try:
            return self._sets[district_code, year]
        except KeyError:
            raise UsageError(
                f"no rule set for district {district_code} and year {year}; add one in jobs/per_mu/rules/rule_sets"
            ) from None

    def items(self) -> list[tuple[str, str, RuleSet]]:
        """(district code, year, rule set), without the city."""
        return [(d, y, r) for (d, y), r in sorted(self._sets.items(), key=lambda i: i[0]) if d != CITY]

    def city_items(self) -> list[tuple[str, str, RuleSet]]:
        """(district code, year, rule set) of the city's own rule sets."""
        return [(d, y, r) for (d, y), r in sorted(self._sets.items(), key=lambda i: i[0]) if d == CITY]

    def all(self) -> list[RuleSet]:
        """Every rule set once, by id."""
        return sorted({r.id: r for r in self._sets.values()}.values(), key=lambda r: r.id)

    def get(self, rule_set_id: str) -> RuleSet:
        """The rule set with an id.

        Raises:
            UsageError: it does not exist.
        """
        for rule_set in self.all():
            if rule_set.id == rule_set_id:
                return rule_set
        raise UsageError(f"unknown rule set {rule_set_id}; known: {', '.join(r.id for r in self.all())}")

    def replace(self, rule_set: RuleSet) -> RuleBook:
        """This book with another rule set in place of those of its districts and year (what-if)."""
        others = [
            kept.model_copy(update={"district_codes": left})
            for kept in self.all()
            if (
                left := tuple(
                    d
                    for d in kept.district_codes
                    if kept.year != rule_set.year or d not in rule_set.district_codes
                )
            )
        ]
        return RuleBook([*others, rule_set])

    def describe(self) -> list[RuleDocument]:
        """One document for each rule set, and one for the limits of land."""
        of_sets = [
            RuleDocument(
                id=rule_set.id,
                kind=KIND,
                title=rule_set.title,
                source=rule_set.source,
                hash=rule_set.hash,
                content=rule_set.model_dump_json(),
                assumptions=rule_set.assumptions,
            )
            for rule_set in self.all()
        ]
        return [*of_sets, self.limits.document()]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables for suites.

        ``quota``: by rule set, the largest share of A and the smallest of D over its lists. ``land_limit``: what land
        can carry, by industry division. ``judged_land``: rule sets that do not grade impossible land. ``duty``: by
        feed, the figure that a firm owes. ``withheld``: by rule set, list and indicator, the figure that scores nothing
        if a firm withholds it. ``least_share``: likewise the least share of the weight where minimum and maximum score.
        """
        shares = {r.id: [r.quota_of(code).shares for code in r.lists] for r in self.all()}
        return {
            "quota": [
                {
                    "rule_set_id": rule_set_id,
                    "share_a": float(max(share["A"] for share in of_lists)),
                    "share_d": float(min(share["D"] for share in of_lists)),
                }
                for rule_set_id, of_lists in shares.items()
            ],
            "land_limit": [
                {
                    "division": division,
                    "m2_per_person": float(area),
                    "value_added_per_mu": float(added),
                    "tax_per_mu": float(tax),
                }
                for division, area, added, tax in self.limits.rows()
            ],
            "judged_land": [
                {"rule_set_id": r.id} for r in self.all() if r.impossible_land == "data_incomplete"
            ],
            "least_share": [
                {
                    "rule_set_id": r.id,
                    "list_code": name,
                    "indicator_code": code,
                    "least_share": indicator.least_share,
                }
                for r in self.all()
                for name, rules in r.lists.items()
                for code, indicator in rules.indicators.items()
                if indicator.scoring == "min_max"
            ],
            "duty": [{"feed": duty.feed, "figure": duty.figure} for duty in duties()],
            "withheld": [
                {"rule_set_id": r.id, "list_code": name, "indicator_code": code, "figure": duty.figure}
                for r in self.all()
                for name, rules in r.lists.items()
                for code, indicator in rules.indicators.items()
                if indicator.withheld != "as_missing" and (duty := indicator_definitions()[code].duty)
            ],
        }

    def check(self) -> None:
        """Check that every indicator has its titles, and that units of evaluation have its figures.

        Raises:
            RejectedError: something is missing; the line names it and the file to add it to.
        """
        if unnamed := set(indicator_definitions()) - set(code_list("per_mu_indicator")):
            raise RejectedError(
                f"indicators without a title in schemas/codes/per_mu_indicator.csv: {sorted(unnamed)}"
            )
        for code, definition in indicator_definitions().items():
            figures = {definition.numerator, definition.denominator}
            table = "object_unit" if code in object_indicators() else "unit"
            columns = set(contract(f"per_mu.{table}").column_names) | {"tax_contribution"}
            if (duty := definition.duty) and not figures & set(FEED_FIGURES.get(duty.feed, ())):
                raise RejectedError(
                    f"indicator {code}: its duty names {duty.feed}, which has no figure of it"
                )
            if lacking := figures - columns:
                raise RejectedError(
                    f"indicator {code}: schemas/per_mu/{table}.yml has no column {sorted(lacking)[0]}; add it there"
                )

    def fingerprint(self, period: str) -> str:
        """Hash of the rule sets of the period's year and of the indicators' formulas."""
        year = period[:4]
        hashes = {d: r.hash for (d, y), r in self._sets.items() if y == year}
        titles: Any = {
            **dict.fromkeys(("unit", "numerator_unit", "denominator_unit"), True),
            "duty": {"proof", "source", "remedy"},
        }
        definitions = {
            c: d.model_dump(mode="json", exclude=titles) for c, d in indicator_definitions().items()
        }
        return digest([hashes, definitions, [[str(part) for part in row] for row in self.limits.rows()]])
