"""Suite 排污权: what is held follows from rights and movements, and nobody holds without a permit."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "uscc, year, pollutant_code"

SUITE = Suite(
    "resource.emission_right",
    (
        Check(
            "held",
            "持有等于初始加买入减卖出加减租赁",
            "Held is initial, bought and leased in less sold and let; pledged rights stay usable",
            f"""SELECT {_KEY} FROM {{table}}
            WHERE held_t <> initial_t + bought_t - sold_t + leased_in_t - leased_out_t OR held_t < pledged_t""",
        ),
        Check(
            "balance",
            "余缺等于持有减排放",
            "The balance is held less discharge",
            f"SELECT {_KEY} FROM {{table}} WHERE right_balance_t IS DISTINCT FROM held_t - discharged_t",
        ),
        Check(
            "permit",
            "无许可或登记者无排污权",
            "Without a permit or registration nothing is held",
            f"""SELECT {_KEY} FROM {{table}} WHERE right_state_code = 'no_permit' AND held_t > 0""",
        ),
        Check(
            "sums_to_rights_granted",
            "全市持有等于初始排污权",
            "What all firms hold of a pollutant is what was granted, trade moves it only between them",
            """SELECT year, pollutant_code, sum(held_t) - sum(initial_t) AS difference FROM {table}
            GROUP BY ALL HAVING difference <> 0""",
        ),
        Check(
            "exceeded_share",
            "超过持有量的不超过四成",
            "At most two fifths of the rights are exceeded: else rights and reports have different units",
            """SELECT year, pollutant_code, count(*) FILTER (right_state_code = 'exceeded') AS exceeded,
                count(*) AS firms
            FROM {table} GROUP BY ALL HAVING firms >= 40 AND 5 * exceeded > 2 * firms""",
            level="warn",
        ),
    ),
)  # fmt: skip
