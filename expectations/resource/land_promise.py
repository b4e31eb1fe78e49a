"""Suite 标准地履约: states follow from promise and figure, and no contract is judged before it is due."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "land_contract_code, year, promise_indicator_code"

SUITE = Suite(
    "resource.land_promise",
    (
        Check(
            "state_of_figures",
            "履约状态与数值一致",
            "A promise is met where the figure reaches it, and missed where it does not",
            f"""SELECT {_KEY} FROM {{table}} WHERE
                promise_state_code = 'met' AND NOT coalesce(actual_value >= promised_value, false)
                OR promise_state_code = 'missed' AND NOT coalesce(actual_value < promised_value, false)
                OR promise_state_code = 'no_figure' AND actual_value IS NOT NULL""",
        ),
        Check(
            "not_before_production",
            "达产期前不考核",
            "A year is judged only if full production was due before it began",
            f"""SELECT {_KEY}, production_due_date FROM {{table}} WHERE promise_state_code IN ('met', 'missed')
                AND production_due_date > make_date(CAST(year AS INTEGER), 1, 1)""",
        ),
        Check(
            "missed_since",
            "未达标起始年度不晚于当年",
            "Missed since a year that is not after the row's, exactly where the promise is missed",
            f"""SELECT {_KEY}, missed_since_year FROM {{table}}
            WHERE (missed_since_year IS NOT NULL) <> (promise_state_code = 'missed') OR missed_since_year > year""",
        ),
        Check(
            "doubtful_share",
            "存疑约定值不超过二十分之一",
            "At most a twentieth of the promises of an indicator are doubtful: else the feed's unit has changed",
            """SELECT year, promise_indicator_code, count(*) FILTER (promise_state_code = 'doubtful') AS doubtful
            FROM {table} GROUP BY ALL HAVING count(*) >= 40 AND 20 * doubtful > count(*)""",
            level="warn",
        ),
        Check(
            "missed_share",
            "未达标比例不高于九成、不低于一成",
            "Of an indicator's judged promises between a tenth and nine tenths are missed: else promises say nothing",
            """SELECT year, promise_indicator_code, count(*) FILTER (promise_state_code = 'missed') AS missed,
                count(*) AS judged
            FROM {table} WHERE promise_state_code IN ('met', 'missed') GROUP BY ALL
            HAVING count(*) >= 40 AND (10 * missed < count(*) OR 10 * missed > 9 * count(*))""",
            level="warn",
        ),
        Check(
            "parcel_registered",
            "合同宗地在登记库内",
            "Nineteen of twenty parcels of contracts are in the land register of the year",
            """SELECT t.year, count(DISTINCT t.parcel_id) AS parcels, count(DISTINCT p.parcel_id) AS known
            FROM {table} t LEFT JOIN core.parcel p ON p.parcel_id = t.parcel_id AND p.year = t.year
            GROUP BY t.year HAVING count(DISTINCT t.parcel_id) >= 20
                AND 20 * count(DISTINCT p.parcel_id) < 19 * count(DISTINCT t.parcel_id)""",
            level="warn",
        ),
    ),
)  # fmt: skip
