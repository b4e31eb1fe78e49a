"""Suite 企业购销汇总: sales and purchases are equal."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "uscc, trade_side_code, product_code, month"

SUITE = Suite(
    "chain.trade",
    (
        Check(
            "total_is_sum",
            "市内加市外等于总额",
            "Trade with local firms and with others sums to the total",
            f"SELECT {_KEY} FROM {{table}} WHERE local_trade_wan_yuan + outside_trade_wan_yuan <> trade_total_wan_yuan",
        ),
        Check(
            "sides_equal",
            "销售与采购总额相等",
            "Sales of a product in a month equal its purchases, in amount and in number",
            """SELECT product_code, month FROM {table} GROUP BY ALL
            HAVING sum(CASE trade_side_code WHEN 'sale' THEN trade_total_wan_yuan ELSE -trade_total_wan_yuan END) <> 0
                OR sum(CASE trade_side_code WHEN 'sale' THEN trade_count ELSE -trade_count END) <> 0""",
        ),
        Check(
            "local_sides_equal",
            "市内销售与市内采购相等",
            "Sales to local firms equal purchases from local firms",
            """SELECT product_code, month FROM {table} WHERE uscc <> 'OUT'
            GROUP BY ALL HAVING sum(
                CASE trade_side_code WHEN 'sale' THEN local_trade_wan_yuan ELSE -local_trade_wan_yuan END) <> 0""",
        ),
        Check(
            "firm_known",
            "企业在名录中",
            "Every firm is in the directory of the year or of an earlier one",
            """SELECT t.uscc, t.year FROM {table} t
            ANTI JOIN core.enterprise e ON e.uscc = t.uscc AND e.year <= t.year WHERE t.uscc <> 'OUT'""",
        ),
        Check(
            "outside_share",
            "市外占比合理",
            "Local firms have at least a tenth of the sales; otherwise codes are not resolved",
            """SELECT month FROM {table} WHERE trade_side_code = 'sale' GROUP BY month
            HAVING sum(trade_total_wan_yuan) FILTER (uscc <> 'OUT') IS NULL
                OR sum(trade_total_wan_yuan) FILTER (uscc <> 'OUT') < 0.1 * sum(trade_total_wan_yuan)""",
            level="warn",
        ),
    ),
    may_be_empty=True,
)
