"""What a person sees when a release was made: records, verdict, totals, grades, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from portal.cli import console
from warehouse import duck
from warehouse.releases import Release

if TYPE_CHECKING:
    from portal.demo.run import DemoReport

SYNTHETIC = "合成数据：示范城市，不含任何真实企业 · Synthetic data: a demo city without any real firm"
TOP = 10

#: A delivery mapped anew stands in the register twice: it counts as it was mapped last.
_FEEDS = """
    SELECT feed, count(*) AS files, sum(records_in)::BIGINT AS records, sum(records_raw)::BIGINT AS raw,
        sum(records_quarantined)::BIGINT AS quarantined, any_value(r.reasons) AS reasons
    FROM (FROM release.delivery
        QUALIFY row_number() OVER (PARTITION BY delivery_id, period ORDER BY sequence DESC) = 1)
    LEFT JOIN (SELECT feed, string_agg(why || ' ' || n, '，' ORDER BY n DESC, why) AS reasons
        FROM (SELECT feed, coalesce(c.zh, reason) AS why, sum(records)::BIGINT AS n FROM release.quarantine
            LEFT JOIN release.code c ON c.list = 'quarantine_reason' AND c.code = reason GROUP BY ALL)
        GROUP BY feed) r USING (feed)
    GROUP BY feed ORDER BY feed"""

_GRADES = """
    SELECT d.zh AS 区县, sum(firm_count)::BIGINT AS 企业, sum(graded_count)::BIGINT AS 参评,
        sum(grade_a_count)::BIGINT AS A, sum(grade_b_count)::BIGINT AS B, sum(grade_c_count)::BIGINT AS C,
        sum(grade_d_count)::BIGINT AS D, sum(exempt_count)::BIGINT AS 免评,
        sum(protected_count)::BIGINT AS 保护, sum(data_incomplete_count)::BIGINT AS 数据不全,
        sum(out_of_scope_count)::BIGINT AS 范围外
    FROM per_mu.district_summary s JOIN release.code d ON d.list = 'district' AND d.code = s.district_code
    WHERE s.scope_code = 'all' AND s.year = ? GROUP BY ALL ORDER BY min(s.district_code)"""

_TOP = f"""
    SELECT rank_in_list AS 名次, enterprise_name AS 企业, uscc AS 统一社会信用代码, total_score AS 综合得分,
        final_grade AS 等级
    FROM per_mu.enterprise_grade WHERE year = ? AND district_code = ? AND list_code = 'above_scale'
        AND rank_in_list <= {TOP} ORDER BY rank_in_list"""


_CHAINS = """
    SELECT * EXCLUDE (missing) FROM (SELECT c.zh AS 产业链, (m.output_wan_yuan / 10000)::DECIMAL(18, 1) AS 产值亿元,
        m.output_growth_pct::DECIMAL(18, 1) AS "增速%", m.firm_count AS 企业, m.above_scale_count AS 规上,
        count(*) FILTER (g.state_code = 'strong') AS 优势, count(*) FILTER (g.state_code = 'weak') AS 薄弱,
        count(*) FILTER (g.state_code = 'single_point') AS 单点,
        count(*) FILTER (g.state_code = 'missing') AS 缺失,
        coalesce(list(g.node_name_zh ORDER BY g.node_code) FILTER (g.state_code = 'missing'), []) AS missing,
        array_to_string(missing[:3], '、') || if(len(missing) > 3, ' …', '') AS 缺失环节
    FROM chain.chain_metrics m JOIN release.code c ON c.list = 'chain' AND c.code = m.chain_code
    JOIN chain.gap g ON g.chain_code = m.chain_code AND g.year = m.year
    WHERE m.period = ? GROUP BY ALL) ORDER BY 产值亿元 DESC"""

#: The firm with the largest confirmed part in a chain of those that are known best.
_KNOWN_FIRM = """
    SELECT n.uscc FROM chain.node_enterprise n JOIN per_mu.enterprise_grade g USING (uscc, year)
    WHERE n.year = ? AND n.is_confirmed AND n.is_above_scale AND n.node_code <> 'OUT'
    ORDER BY n.confidence DESC, n.position_share DESC, n.uscc LIMIT 1"""

_TARGET = """
    SELECT (output_wan_yuan / 10000)::DECIMAL(18, 0) AS output, target_year,
        (target_wan_yuan / 10000)::DECIMAL(18, 0) AS target, target_progress_pct::DECIMAL(18, 1) AS progress
    FROM chain.target_progress WHERE chain_code = 'ALL' AND year = ?"""


def query(release: Release, sql: str, *values: object) -> list[dict[str, Any]]:
    """Rows of a release file."""
    with duck.connect(release.file, read_only=True) as connection:
        return duck.fetch(connection, sql, values)


def as_rows(report: DemoReport, seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    """The release as one object, for programs."""
    from pipeline.publish import summary_of, warnings_of

    manifest = report.release.manifest
    return [
        {
            **summary_of(manifest),
            "is_new": report.is_new,
            "gate_seconds": manifest["gate"]["seconds"],
            "warnings": warnings_of(manifest["gate"]["verdicts"]),
            "stages": {stage: round(spent, 2) for stage, spent in seconds.items()},
        }
    ]


def show(report: DemoReport, seconds: Mapping[str, float]) -> None:
    """Print what the demo made."""
    release = report.release
    console.heading(SYNTHETIC)
    _show_feeds(release)
    _show_plan(report)
    _show_gate(release)
    _show_grades(release)
    _show_chains(release)
    _show_card(release)
    _show_times(seconds)
    _show_next(report)


def _show_feeds(release: Release) -> None:
    rows = query(release, _FEEDS)
    total = {k: sum(r[k] for r in rows) for k in ("files", "records", "raw", "quarantined")}
    console.show([*rows, {"feed": "合计 total", **total, "reasons": ""}], "收到的记录 Records taken in")


def _show_plan(report: DemoReport) -> None:
    rows = [
        {
            "指标 2020": c.indicator_zh,
            "单位": c.unit,
            "规划×规模 plan": c.plan,
            "生成 generated": c.generated,
            "差 %": c.difference_pct,
        }
        for c in report.city.plan_comparison
    ]
    console.show(rows, "与规划数对照 The plan's totals of 2020 beside the city's")


def _show_gate(release: Release) -> None:
    from pipeline.publish import warnings_of

    gate = release.manifest["gate"]
    warned = warnings_of(gate["verdicts"])
    console.heading(
        f"质量闸门 Gate: 通过 passed, {gate['expectations']} expectations in {gate['suites']} suites, "
        f"{gate['seconds']:.1f} s, {len(warned)} warnings"
    )
    show_warnings(warned)


def show_warnings(warned: Sequence[Mapping[str, Any]]) -> None:
    """What the gate found and let pass: table, check, number, and a few of the rows."""
    rows = [
        {
            "table": w["table"],
            "warning": f"{w['title_zh']} {w['title_en']}",
            "rows": w["rows"],
            "例如 such as": "; ".join(w["examples"]),
        }
        for w in warned
    ]
    if rows:
        console.show(rows, "质量提醒 Warnings of the gate")


def _show_grades(release: Release) -> None:
    year = _latest_year(release)
    rows = query(release, _GRADES, year)
    total = {k: sum(r[k] for r in rows) for k in rows[0] if k != "区县"}
    console.show([*rows, {"区县": "全市", **total}], f"评价等级 Grades by district, {year}")
    district = max(rows, key=lambda r: r["参评"])["区县"]
    code = query(release, "SELECT code FROM release.code WHERE list = 'district' AND zh = ?", district)[0][
        "code"
    ]
    console.show(query(release, _TOP, year, code), f"{district}规上前{TOP}名 Top {TOP} above scale, {year}")


def _show_chains(release: Release) -> None:
    year = _latest_year(release)
    console.show(query(release, _CHAINS, year), f"十条标志性产业链 The ten chains, {year}")
    for total in query(release, _TARGET, year):
        console.say(
            f"合计 together {total['output']:,} 亿元; {total['target_year']} 年目标 target "
            f"{total['target']:,} 亿元 ({total['progress']} %)"
        )


def _show_card(release: Release) -> None:
    from portal.card import screen, sheet

    for firm in query(release, _KNOWN_FIRM, _latest_year(release)):
        with sheet.reading(release) as read:
            screen.show(sheet.gather(read, release.number, firm["uscc"], None))


def _latest_year(release: Release) -> str:
    return str(query(release, "SELECT max(year) AS year FROM per_mu.enterprise_grade")[0]["year"])


def _show_times(seconds: Mapping[str, float]) -> None:
    rows = [{"stage": k, "seconds": round(v, 1)} for k, v in seconds.items()]
    console.show([*rows, {"stage": "合计 total", "seconds": round(sum(seconds.values()), 1)}], "用时 Time")


def _show_next(report: DemoReport) -> None:
    from pipeline.publish import engines_of

    release = report.release
    year = _latest_year(release)
    firm = query(
        release,
        "SELECT uscc FROM per_mu.enterprise_grade WHERE year = ? AND final_grade = 'D' ORDER BY uscc LIMIT 1",
        year,
    )
    state = "new" if report.is_new else "unchanged, nothing was published"
    console.heading(f"版本 Release {release.number} ({state}): {release.file}")
    if made := engines_of(release.manifest):
        console.say(f"计算引擎 made by {made}")
    console.say('  ./brain sql -c "from per_mu.enterprise_grade limit 5"')
    if firm:
        console.say(f"  ./brain explain per_mu.enterprise_grade uscc={firm[0]['uscc']} year={year}")
    console.say("  ./brain sql < docs/queries/01-weak-nodes-of-a-chain.sql")
    console.say("  ./brain up        # Airflow on 127.0.0.1; ./brain down stops it")
