"""Suite 企业授权: consents of known enterprises, given before they end."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

#: Rows of current deliveries.
_CURRENT = "{table} t JOIN feeds.current_delivery USING (delivery_id, mapping_hash, period)"

SUITE = Suite(
    "raw.ent_consent",
    (
        Check(
            "firm_known",
            "授权企业在册",
            "The enterprise is in a directory, or had the code before; except for five plus 5 % of a year's records",
            f"""SELECT period FROM {_CURRENT}
            LEFT JOIN (SELECT uscc FROM core.enterprise UNION SELECT from_uscc FROM core.identity_event) e
                ON e.uscc = t.uscc
            GROUP BY period HAVING count(*) FILTER (e.uscc IS NULL) > 5 + 0.05 * count(*)""",
            level="warn",
        ),
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
