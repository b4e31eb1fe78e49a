"""``python -m demo_city.aims``: writes the tables of docs/concepts/demo-city.md; exit code 1 if a bound is missed."""

from __future__ import annotations

import sys

from demo_city.aims.comparison import city_for_aims, compare_with_aims
from demo_city.aims.page import PAGE, page, summary

#: The city of the page; the seed of ``./brain demo``.
SEED, SCALE = 2020, 1.0


def main() -> int:
    compared = compare_with_aims(city_for_aims(SEED, SCALE))
    old = PAGE.read_text(encoding="utf-8")
    new = page(old, compared)
    PAGE.write_text(new, encoding="utf-8")
    print(f"docs/concepts/{PAGE.name}: {'is current' if new == old else 'written anew'}; {summary(compared)}")
    return 1 if any(outcome.missed for _, outcomes in compared for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
