"""Rules of the evaluation of objects beyond enterprises 评价对象延伸: who is evaluated, and the lists.

A rule set has the form of those of enterprises (``object_rule_sets/``); lists that are ranked in the whole city are in
the set of the district 330200.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import Items
from jobs.per_mu.rules.object_scope import ObjectScope, object_scope
from jobs.per_mu.rules.reading import load_rule_book
from jobs.rules.base import RuleDocument, Rules
from schemas.contract import digest
from schemas.definition import Titles
from schemas.errors import RejectedError
from schemas.places import CITY

FOLDER = Path(__file__).parent / "object_rule_sets"
KIND = Titles(zh="对象评价规则集", en="rule sets of objects")


class ObjectRules(Rules):
    """Scope and rule sets."""

    def __init__(self, scope: ObjectScope, book: RuleBook) -> None:
        self.scope = scope
        self.book = book

    def items(self) -> Items:
        """(district code or that of the city, year, rule set)."""
        return [*self.book.items(), *self.book.city_items()]

    def is_ranked_in_city(self, list_code: str) -> bool:
        """Whether a list is one of the whole city."""
        return any(list_code in rules.lists for place, _, rules in self.items() if place == CITY)

    def years(self) -> list[str]:
        """Years with rule sets."""
        return sorted({year for _, year, _ in self.items()})

    def fingerprint(self, period: str) -> str:
        """Hash of the scope and of the rule sets of the period's year."""
        return digest([self.scope.thresholds(), self.book.fingerprint(period)])

    def check(self) -> None:
        """Check that indicators have titles and figures, and that none is scored by a range.

        Raises:
            RejectedError: something is missing, or a range would show the worst object's value on every sheet.
        """
        self.book.check()
        for rule_set in self.book.all():
            for name, of_list in rule_set.lists.items():
                ranged = [code for code, one in of_list.indicators.items() if one.scoring == "min_max"]
                if ranged:
                    raise RejectedError(
                        f"{rule_set.id}: lists.{name}.indicators.{ranged[0]}: a range names the worst object's value; "
                        "use scoring ratio for objects"
                    )

    def describe(self) -> list[RuleDocument]:
        """One document for each rule set, and one for the scope."""
        sets = [
            RuleDocument(
                id=one.id, kind=KIND, title=one.title, source=one.source, hash=one.hash,
                content=one.model_dump_json(), assumptions=one.assumptions,
            )
            for one in self.book.all()
        ]  # fmt: skip
        return [*sets, self.scope.document()]


@cache
def object_rules() -> ObjectRules:
    """The rules shipped with the platform."""
    return ObjectRules(object_scope(), load_rule_book(FOLDER))
