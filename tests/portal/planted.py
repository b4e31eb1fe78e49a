"""Names of firms as a hostile feed would send them: SQL, HTML, formulas, templates, and marks that turn texts round."""

from __future__ import annotations

from schemas.contract import published_contracts
from warehouse.duck import literal

NAMES = (
    '=HYPERLINK("http://evil.example","厂")', "+1+1厂", "-2+3|cmd", "@SUM(A1)", "＝1+1", "\t=1厂", "\r=1厂", "\n=1厂",
    "'; DROP TABLE core.enterprise; --", "<script>alert(1)</script>厂", '"><img src=x onerror=alert(1)>',
    "' onmouseover=alert(1) x='", "{{7*7}}planted", "${7*7}厂", "厂\u202excod.exe", "厂\u200b\u2066\x1b[2J",
    "</script><b>厂</b>", 'a "quoted", name', "普通厂",
)  # fmt: skip


def plant(district: str = "330282") -> list[str]:
    """Statements that give these names to graded firms of a district, in every table of a release with names."""
    names = ", ".join(map(literal, NAMES))
    firms = f"""SELECT uscc, ([{names}])[row_number() OVER (ORDER BY uscc)] AS name FROM (
        SELECT DISTINCT uscc FROM per_mu.enterprise_grade WHERE district_code = '{district}' AND year = 2024)
        ORDER BY uscc LIMIT {len(NAMES)}"""
    return [
        f"CREATE TEMP TABLE planted AS {firms}",
        *(
            f"UPDATE {spec.name} t SET {name} = n.name FROM planted n WHERE t.uscc = n.uscc"
            for spec in published_contracts()
            for name in ("enterprise_name", "former_name")
            if {"uscc", name} <= set(spec.column_names)
        ),
    ]
