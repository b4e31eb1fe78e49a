"""Suite 批次登记: what each feed delivered, compared with its bands, the period before and the delivery before."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite
from schemas.register import FREE_RECORDS

#: Records of each snapshot feed and period, summed over parts, with the period before of the same length.
_PERIODS = """
    SELECT feed, period, volume_band, cadence, records,
        lag(records) OVER (PARTITION BY feed, length(period) ORDER BY period) AS before,
        lag(period) OVER (PARTITION BY feed, length(period) ORDER BY period) AS period_before
    FROM (SELECT feed, period, any_value(volume_band) AS volume_band, any_value(cadence) AS cadence,
            sum(records_in) AS records
        FROM feeds.current_delivery WHERE delivery = 'snapshot' AND cadence <> 'irregular'
            AND delivery_id IN (SELECT delivery_id FROM {table})
        GROUP BY feed, period)"""

#: Each delivery of a snapshot's period and part, with the delivery that it supersedes.
_REDELIVERED = """
    SELECT l.feed, l.period, l.part, l.delivery_id, l.volume_band, l.records_in AS records,
        lag(l.records_in) OVER (PARTITION BY l.feed, l.period, coalesce(l.part, '')
            ORDER BY l.known_at, l.sequence, l.delivery_id) AS before
    FROM feeds.latest_mapping l WHERE l.delivery = 'snapshot'
        AND l.delivery_id IN (SELECT delivery_id FROM {table})"""

#: Deliveries of offices that owe every year or every month.
_OWED = """FROM feeds.current_delivery WHERE delivery = 'snapshot' AND NOT is_by_choice
    AND cadence IN ('monthly', 'yearly_then_monthly') AND delivery_id IN (SELECT delivery_id FROM {table})"""

_MONTHS = [f"{month:02}" for month in range(1, 13)]

#: Half a square root is allowed for chance: in a small city, ten emission reports fewer are no shrunken feed.
_SHRUNK = "records < volume_band * before - 0.5 * sqrt(before)"


def _quarantine(share: str, slack: int) -> str:
    """SQL for feeds and periods of which too large a share was quarantined."""
    return f"""SELECT feed, period, sum(records_quarantined) AS quarantined, sum(records_in) AS records
        FROM feeds.current_delivery WHERE delivery_id IN (SELECT delivery_id FROM {{table}})
        GROUP BY feed, period
        HAVING sum(records_quarantined) > {share} * any_value(quarantine_band) * sum(records_in) + {slack}"""


SUITE = Suite(
    "raw.delivery",
    (
        Check(
            "counts_add_up",
            "收到数等于入库数与隔离数之和",
            "Records in are records accepted plus records quarantined",
            "SELECT delivery_id, mapping_hash FROM {table} "
            "WHERE records_in <> records_raw + records_quarantined",
        ),
        Check(
            "quarantine_complete",
            "隔离记录与登记数相符",
            "The quarantine holds as many records of a delivery as the register counts",
            """SELECT d.feed, d.period, d.delivery_id, d.records_quarantined, coalesce(q.found, 0) AS found
            FROM {table} d LEFT JOIN (SELECT delivery_id, mapping_hash, period, count(*) AS found
                FROM quarantine.record GROUP BY ALL) q USING (delivery_id, mapping_hash, period)
            WHERE coalesce(q.found, 0) <> d.records_quarantined""",
        ),
        Check(
            "raw_complete",
            "原始表记录数与登记数相符",
            "A feed's table holds as many rows of a delivery, mapping and period as the register counts",
            """SELECT feed, period, delivery_id, mapping_hash, coalesce(d.records_raw, 0) AS records_raw,
                coalesce(r.found, 0) AS found
            FROM (SELECT DISTINCT feed, period, delivery_id, mapping_hash, records_raw FROM {table}
                JOIN feeds.feed USING (feed) WHERE coalesce(table_version, 1) = version) d
            FULL JOIN (SELECT * FROM feeds.raw_rows
                WHERE (delivery_id, mapping_hash) IN (SELECT delivery_id, mapping_hash FROM {table})) r
            USING (feed, delivery_id, mapping_hash, period)
            WHERE coalesce(d.records_raw, 0) <> coalesce(r.found, 0)""",
        ),
        Check(
            "feed_known",
            "数据源有效",
            "The feed is a feed of the platform",
            "SELECT delivery_id, feed FROM {table} WHERE feed NOT IN (SELECT feed FROM feeds.feed)",
        ),
        Check(
            "quarantine_band",
            "隔离比例在允许范围内",
            "The share of quarantined records stays within the feed's band plus five records",
            _quarantine("1", FREE_RECORDS),
        ),
        Check(
            "quarantine_band_half",
            "隔离比例低于允许范围的一半",
            "The share of quarantined records stays within half the feed's band plus five records",
            _quarantine("0.5", FREE_RECORDS),
            level="warn",
        ),
        Check(
            "volume_period",
            "记录数与上一期相比未超降幅",
            "A period keeps the feed's volume band against the period before (year to year, month to month)",
            f"SELECT feed, period, before, records FROM ({_PERIODS}) WHERE {_SHRUNK}",
        ),
        Check(
            "volume_redelivery",
            "重报记录数与前次相比未超降幅",
            "A delivery that supersedes another keeps the feed's volume band against it",
            f"""SELECT feed, period, part, before, records FROM ({_REDELIVERED}) WHERE {_SHRUNK}
            AND delivery_id IN (SELECT delivery_id FROM feeds.current_delivery)""",
        ),
        Check(
            "periods_unbroken",
            "各期无缺口",
            "No year or month is missing between two delivered ones",
            f"""SELECT feed, period_before, period FROM ({_PERIODS}) WHERE period_before IS NOT NULL
            AND CASE WHEN length(period) = 4 THEN CAST(period AS INTEGER) - CAST(period_before AS INTEGER) > 1
            ELSE date_diff('month', CAST(period_before || '-01' AS DATE),
                CAST(period || '-01' AS DATE)) > 1 END
            AND NOT (feed = 'gov_statistics_monthly' AND right(period, 2) = '02')""",
            level="warn",
        ),
        Check(
            "months_complete",
            "已结束年度的月份齐全",
            "A year that has its directory or a later year has every month, if reported by month",
            f"""SELECT feed, year, array_to_string(list_filter({_MONTHS}, lambda m: NOT list_contains(months, m)), ',')
                AS missing
            FROM (SELECT feed, left(period, 4) AS year,
                    list(right(period, 2)) FILTER (length(period) = 7) || any_value(merged_months) AS months
                FROM ({_OWED}) GROUP BY ALL HAVING bool_and(length(period) = 7)) o
            WHERE missing <> '' AND EXISTS (SELECT 1 FROM feeds.current_delivery d
                WHERE d.feed = 'gov_statistics_directory' AND d.period = o.year
                    OR d.feed = o.feed AND left(d.period, 4) > o.year)""",
        ),
        Check(
            "year_or_months",
            "同一年度不重复报送年报与月报",
            "A year is reported as a year or by month; both would count twice",
            f"""SELECT feed, left(period, 4) AS year, count(*) AS deliveries FROM ({_OWED}) GROUP BY ALL
            HAVING bool_or(length(period) = 4) AND bool_or(length(period) > 4)""",
        ),
        Check(
            "sent_once",
            "同一文件未作为另一期或另一部分重报",
            "No file was sent again as another part or period",
            # a list of zones may be the same for years, and so may a few parcels
            """SELECT feed, checksum, string_agg(DISTINCT concat_ws(' ', period, part), ', ') AS sent_as,
                max(records_in) AS records
            FROM feeds.current_delivery
            WHERE records_in > 0 AND delivery_id IN (SELECT delivery_id FROM {table}) GROUP BY feed, checksum
            HAVING count(DISTINCT delivery_id) > 1 AND (count(DISTINCT period) < count(DISTINCT delivery_id)
                OR max(length(period)) > 4
                OR any_value(tells_of_firms) AND (any_value(delivery) = 'event' OR max(records_in) >= 100))""",
        ),
        Check(
            "every_feed",
            "各数据源均有批次",
            "Every connected feed has delivered; feeds by month or day only once monthly deliveries exist",
            # irregular feeds owe nothing; the annual statistics end where the monthly ones begin
            "SELECT f.feed FROM feeds.feed f WHERE f.is_connected AND f.feed NOT IN (SELECT feed FROM {table}) "
            "AND f.feed <> 'gov_statistics_annual' AND (f.cadence LIKE 'yearly%' OR f.cadence <> 'irregular' "
            "AND EXISTS (SELECT 1 FROM {table} WHERE length(period) > 4))",
            level="warn",
        ),
    ),
)
