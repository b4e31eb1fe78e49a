"""Summary of a release in the terminal: records, gate verdict, totals, grades, and next steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ingest.register.today import today
from portal.cli import console
from portal.queries import city
from portal.queries.release import Query, reading
from warehouse.releases import Release

if TYPE_CHECKING:
    from portal.demo.run import DemoReport

#: Printed above every summary of a demo city.
SYNTHETIC = "合成数据：示范城市，不含任何真实企业 · Synthetic data: a demo city without any real firm"


def as_rows(report: DemoReport, seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    """The release as one JSON object."""
    from pipeline.manifest import summary_of, warnings_of

    manifest = report.release.manifest
    return [
        {
            **summary_of(manifest),
            "is_new": report.is_new,
            "synthetic_today": str(today().day),
            "gate_seconds": manifest["gate"]["seconds"],
            "warnings": warnings_of(manifest["gate"]["verdicts"]),
            "stages": {stage: round(spent, 2) for stage, spent in seconds.items()},
        }
    ]


def show(report: DemoReport, seconds: Mapping[str, float]) -> None:
    """Print the demo's release."""
    release = report.release
    console.heading(SYNTHETIC)
    console.say(today().title)
    with reading(release) as query:
        year = city.latest_year(query)
        _show_feeds(query)
        _show_plan(report)
        _show_gate(release)
        _show_grades(query, year)
        _show_chains(query, year)
        _show_card(query, release, year)
        _show_times(seconds)
        _show_next(report, year, city.firm_graded_d(query, year))


def _show_feeds(query: Query) -> None:
    rows = [vars(feed) for feed in city.feed_records(query)]
    total = {name: sum(row[name] for row in rows) for name in ("files", "records", "raw", "quarantined")}
    console.show([*rows, {"feed": "合计 total", **total, "reasons": ""}], "收到的记录 Records ingested")


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
    console.show(rows, "与规划数对照 Totals of 2020 in the plan and in the generated city")


def _show_gate(release: Release) -> None:
    from pipeline.manifest import warnings_of

    gate = release.manifest["gate"]
    warned = warnings_of(gate["verdicts"])
    console.heading(
        f"发布关口 Gate: 通过 passed, {gate['expectations']} expectations in {gate['suites']} suites, "
        f"{gate['seconds']:.1f} s, {len(warned)} warnings"
    )
    show_warnings(warned)


def show_warnings(warned: Sequence[Mapping[str, Any]]) -> None:
    """Print the gate's warnings: table, check, number of rows, and examples."""
    rows = [
        {
            "table": w["table"],
            "warning": f"{w['title_zh']} {w['title_en']}",
            "rows": w["rows"],
            "例如 e.g.": "; ".join(w["examples"]),
        }
        for w in warned
    ]
    if rows:
        console.show(rows, "质量提醒 Warnings of the gate")


#: Names of missing nodes in a chain's row.
MOST_MISSING = 3
#: Fields → headings.
_GRADES = {
    "district": "区县", "firms": "企业", "graded": "参评", "grade_a": "A", "grade_b": "B", "grade_c": "C",
    "grade_d": "D", "exempt": "免评", "protected": "保护", "data_incomplete": "数据不全", "out_of_scope": "范围外",
}  # fmt: skip
_LEADERS = {
    "rank": "名次", "enterprise_name": "企业", "uscc": "统一社会信用代码", "total_score": "综合得分", "grade": "等级",
}  # fmt: skip
_CHAINS = {
    "chain": "产业链", "output_yi_yuan": "产值亿元", "growth_pct": "增速%", "firms": "企业", "above_scale": "规上",
    "strong_nodes": "优势", "weak_nodes": "薄弱", "single_point_nodes": "单点", "missing_nodes": "缺失",
    "missing": "缺失环节",
}  # fmt: skip


def _with_headings(headings: Mapping[str, str], rows: Iterable[object]) -> list[dict[str, Any]]:
    return [{heading: getattr(row, name) for name, heading in headings.items()} for row in rows]


def _show_grades(query: Query, year: str) -> None:
    districts = city.district_grades(query, year)
    rows = _with_headings(_GRADES, districts)
    total = {heading: sum(row[heading] for row in rows) for heading in rows[0] if heading != "区县"}
    to = city.part_year(query, year)
    part = f"（年中预评价，数据截至 on part of the year, to {to}）" if to else ""
    console.show([*rows, {"区县": "全市", **total}], f"评价等级 Grades by district, {year}{part}")
    largest = max(districts, key=lambda district: district.graded)
    leaders = city.leaders(query, year, largest.district_code)
    title = f"{largest.district}规上前{city.TOP}名 Top {city.TOP} above scale, {year}"
    console.show(_with_headings(_LEADERS, leaders), title)


def _show_chains(query: Query, year: str) -> None:
    console.show(
        [_chain_row(chain) for chain in city.chain_states(query, year)],
        f"十条标志性产业链 The ten chains, {year}",
    )
    if target := city.target(query, year):
        console.say(
            f"合计 total {target.output_yi_yuan:,} 亿元; {target.target_year} 年目标 target "
            f"{target.target_yi_yuan:,} 亿元 ({target.progress_pct} %)"
        )


def _chain_row(chain: city.ChainState) -> dict[str, Any]:
    """A chain with the names of its first missing nodes."""
    names = [node.zh for node in chain.missing]
    more = " …" if len(names) > MOST_MISSING else ""
    return {
        **{heading: getattr(chain, name) for name, heading in _CHAINS.items()},
        "产业链": chain.chain.zh,
        "缺失环节": "、".join(names[:MOST_MISSING]) + more,
    }


def _show_card(query: Query, release: Release, year: str) -> None:
    from portal.card import screen, sheet

    if uscc := city.best_known_firm(query, year):
        screen.show(sheet.gather(query, release.number, uscc))


def _show_times(seconds: Mapping[str, float]) -> None:
    rows = [{"stage": k, "seconds": round(v, 1)} for k, v in seconds.items()]
    console.show([*rows, {"stage": "合计 total", "seconds": round(sum(seconds.values()), 1)}], "用时 Time")


def _show_next(report: DemoReport, year: str, uscc: str | None) -> None:
    from pipeline.manifest import engines_of
    from portal.services.web import running_web
    from warehouse.settings import settings

    release = report.release
    state = "new" if report.is_new else "unchanged, nothing was published"
    console.heading(f"版本 Release {release.number} ({state}): {release.file}")
    if engines := engines_of(release.manifest):
        console.say(f"计算引擎 computed by {engines}")
    console.say('  ./brain sql -c "from per_mu.enterprise_grade limit 5"')
    if uscc:
        console.say(f"  ./brain explain per_mu.enterprise_grade uscc={uscc} year={year}")
    console.say("  ./brain sql < docs/queries/01-weak-nodes-of-a-chain.sql")
    web = running_web(settings())
    if web.process:
        console.say(f"网页 web pages: {web.address}")
    else:
        console.say(
            "  ./brain up        # web pages, API and Airflow; prints their addresses. ./brain down stops them"
        )
