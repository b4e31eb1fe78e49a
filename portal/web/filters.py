"""Parameters that several pages have in their addresses: years, places in a list, the filters of lists of grades."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from portal.queries.ranking import Filters

Year = Annotated[str, Query(pattern="^([0-9]{4})?$")]
Code = Annotated[str, Query(max_length=20, pattern="^[0-9A-Za-z_]*$")]
#: Place at which a page of a list begins; the page before gives it.
After = Annotated[str, Query(max_length=400)]


def _chosen(
    year: Year = "",
    district: Code = "",
    list: Code = "",
    grade: Annotated[str, Query(pattern="^[A-D]?$")] = "",
    industry: Code = "",
    name: Annotated[str, Query(max_length=60)] = "",
    sort: Annotated[str, Query(max_length=30)] = "rank",
) -> Filters:
    return Filters(year, district, list, grade, industry, name.strip(), sort)


#: What a reader chose of a list of grades; without a year the page takes the latest.
Chosen = Annotated[Filters, Depends(_chosen)]
