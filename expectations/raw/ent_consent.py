"""Suite 企业授权: consents of known enterprises, given before they end."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

#: Rows of current deliveries.
_CURRENT = "{table} t JOIN feeds.current_delivery USING (delivery_id, mapping_hash, period)"


def _firm_known(suffix: str, share: str, percent: int) -> Check:
    return Check(
        f"firm_known{suffix}",
        f"授权企业在册（不在册的不超过{percent}%）",
        "The enterprise is in a directory or had the code before, "
        f"except for five plus {percent} % of a year's records",
        f"""SELECT period FROM {_CURRENT}
        LEFT JOIN (SELECT uscc FROM core.enterprise UNION SELECT from_uscc FROM core.identity_event) e
            ON e.uscc = t.uscc
        GROUP BY period HAVING count(*) FILTER (e.uscc IS NULL) > 5 + {share} * count(*)""",
        level="fail" if suffix else "warn",
    )


SUITE = Suite(
    "raw.ent_consent",
    (
        _firm_known("", "0.05", 5),
        # half of the codes are unknown: the column holds something else
        _firm_known("_wide", "0.5", 50),
        Check(
            "given_in_time",
            "授权在有效期内办理",
            "A consent is given before it ends, except for five plus 1 % of a year's records: later ones never hold",
            f"""SELECT period FROM {_CURRENT} GROUP BY period
            HAVING count(*) FILTER (valid_until_date < event_date) > 5 + 0.01 * count(*)""",
            level="warn",
        ),
    ),
    may_be_empty=True,
)
