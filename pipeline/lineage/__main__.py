"""``python -m pipeline.lineage``: writes ``schemas/lineage.csv`` anew, and says which columns show too much."""

from __future__ import annotations

import sys

from pipeline.lineage.trace import all_traced, as_csv
from schemas.contract import LINEAGE, SCHEMAS, contracts, reload
from schemas.disclosure import faults
from schemas.errors import UserError


def main() -> int:
    path = SCHEMAS / LINEAGE
    try:
        text = as_csv(all_traced())
        is_new = not path.exists() or path.read_text(encoding="utf-8") != text
        path.write_text(text, encoding="utf-8")
        reload()
        wrong = faults(contracts(), path)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"schemas/{LINEAGE}: {'written anew' if is_new else 'is current'}")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
