"""A delivery's cells before they are written to a file.

Columns have the contract's names; a column that the mapping ignores has the sender's heading.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.contract import ContractError, Feed
from schemas.source import Source


@dataclass(frozen=True)
class Frame:
    """Cells of one delivery, column by column."""

    contract: Feed
    period: str
    part: str
    columns: dict[str, pa.Array]

    @property
    def feed(self) -> str:
        return self.contract.table

    @property
    def source(self) -> Source:
        return self.contract.source

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values())))

    def table(self) -> pa.Table:
        """The cells under the sender's headings: mapped columns in their order, ignored ones after the first column.

        Raises:
            ContractError: the columns are not those of the contract.
        """
        mapping = self.source.mapping
        wanted = {name: m.heading for name, m in mapping.items() if m.heading is not None}
        extra = set(self.columns) - set(wanted) - set(self.source.ignored)
        missing = set(wanted) | set(self.source.ignored)
        missing -= set(self.columns)
        if extra or missing:
            raise ContractError(
                f"schemas/raw/{self.feed}.yml: the demo city sends unmapped columns {sorted(extra)} and lacks "
                f"{sorted(missing)}; extend its module in demo_city/senders"
            )
        first, *others = wanted
        order = [(first, wanted[first]), *((h, h) for h in self.source.ignored)]
        order += [(name, wanted[name]) for name in others]
        return pa.table([self.columns[name] for name, _ in order], names=[heading for _, heading in order])
