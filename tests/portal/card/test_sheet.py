"""The content of a sheet, and its reasons for missing content; all kinds of firms of a built city."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from portal.card import page
from portal.card.sheet import Card, gather
from portal.queries.release import reading
from schemas.errors import UsageError
from tests.built_city import at_home
from tests.portal import card_release as made
from tests.portal.card_release import (
    BOTTOM,
    EXEMPT,
    GONE,
    GOOD,
    INCOMPLETE,
    LANDLESS,
    NAMES,
    PROTECTED,
    SAVED,
    TENANT,
    TOP,
    UNTOLD,
    VETOED,
    write,
)
from tests.portal.sheets import HEIGHT, WIDTH, gathered, screen_of
from warehouse.releases import Release, open_release

#: Texts on the sheet of the firm with every section. Tax is VAT and income tax, not the tax paid by the statistics.
EXPECTED = (
    "合成数据 Synthetic data", "版本 release 1", NAMES[GOOD], GOOD, "海曙区 Haishu · 集士港镇 Jishigang Town", "规上",
    "中型", "存续",
    "2010-06-01（14 年", "32.5 亩", "自有 own 30", "曾用名 formerly 宁波旧名电器厂",
    "B 鼓励提升类", "初评 initial B", "101.50 = 96.50 + 加分 5.00", "第 4/8 名", "62.5%", "第 1,234/8,000", made.RULES,
    "12,346", "2,500", "650", "18.5",
    "I2 亩均增加值", "还差 9.76 分",
    "够的途径 enough: 工业增加值 +898 万元（+22.7%） 或 or 用地面积 -20.33 亩（-20.5%）；其余不变",
    "A 类末位总分 lowest total 111.25", "国家级品牌：加5分",
    "GDMJ-M01 注塑模具", "高端模具", "70%", "85%", "申报产品、销售", "薄弱（本地企业不足三家）", "40% 未确认", "链外",
    "同组 peers 汽车制造业（中型）", "总分 total 55.25（较上年 change -3.5，主因 mostly 成长 -2.1）",
    "同组 peers 第 12/48", "落后指标 furthest behind: 工业总产值 12.5%", "规模 Scale", "█",
    "风险 risk: 高 High（亩均评价D类）", "上升", "81.25%", "高新技术企业", "增值税 600万元", "规上企业",
    "as of 2024-12", "2025-04-06",
)  # fmt: skip


def test_every_section_of_a_firm_with_all_data(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = gathered(release, GOOD)
    assert (sheet.year, sheet.period, sheet.release) == ("2024", "2024-12", 1)
    assert sheet.who.age_years == 14 and sheet.who.size and sheet.who.size.zh == "中型"
    assert sheet.grade and (sheet.grade.rank, sheet.grade.list_size) == (4, 8)
    assert sheet.grade.percentile_pct == Decimal("62.5")  # at or above five of eight, itself included
    text = "\n".join(screen_of(sheet, monkeypatch))
    for expected in EXPECTED:
        assert expected in text, expected


@pytest.mark.parametrize(
    ("uscc", "line"),
    [
        (GOOD, "评价 evaluation 已同意 Given 2025-05-10 起 · 画像 profile 未同意 Not given"),
        (VETOED, "评价 evaluation 已撤回 Withdrawn 2025-05-10 起，2025-06-02 失效 ends · 画像"),
        (BOTTOM, "评价 evaluation 未同意 Not given · 画像"),
        (TENANT, "使用统计数据 use of statistics: 无须同意（无统计数据） Not needed (no statistics of the firm)"),
    ],
)  # fmt: skip
def test_consent_to_the_use_of_statistics_is_one_line(
    release: Release, monkeypatch: pytest.MonkeyPatch, uscc: str, line: str
) -> None:
    assert line in "\n".join(screen_of(gathered(release, uscc), monkeypatch))


def test_a_release_from_before_the_consents_has_no_such_line(
    cold_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cold_home, without=("core.consent", "core.consent_state"))
    sheet = gathered(open_release(), GOOD)
    assert sheet.consent is None and sheet.grade
    assert "use of statistics" not in "\n".join(screen_of(sheet, monkeypatch))


def test_a_veto_is_shown_and_points_do_not_lift_it(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(screen_of(gathered(release, VETOED), monkeypatch))
    assert "D 落后整治类" in text and "初评 initial A" in text
    assert "理由 why: 一票否决：违法排污" in text
    assert "被否决，得分再高也不升 C held down by veto" in text and "分 points" not in text
    assert "否决 veto: 违法排污：一票否决，直接列为D类（2024-05-06，甬罚〔2024〕1号）" in text
    assert "只计入 2024 年度评价 counts in the evaluation of 2024 only；无否决时为 A without it" in text


@pytest.mark.parametrize(
    ("uscc", "expected"),
    [
        (EXEMPT, ["无等级 no grade: 免评 Exempt", "免评行业：电力、热力生产和供应业 44 exempt industry: "]),
        (PROTECTED, ["保护期 Protected", "新供土地 new land", "至 until 2026-05-04，其后自 2026 年度参评"]),
        (INCOMPLETE, ["数据不全", "缺：税收", "（问国家税务总局宁波市税务局）", "为零：用地面积",
                      "./brain explain per_mu.population uscc=", "2024 缺 missing: 税",
                      "隔离 in quarantine: "]),
        (LANDLESS, ["不在评价范围", "无用地记录 no land use on record", "用地 land: 无记录 not on record"]),
        (GONE, ["2022 年度", "非最新年度 not the latest year", "登记状态："]),
        (UNTOLD, ["2024 年不在参评名单", "海曙区 Haishu · 镇街不属所在区县"]),
        (TENANT, [f"随宗地主评价 Inherits the grade of the parcel's holder: {NAMES[GOOD]} {GOOD}",
                  "宗地主 holder's: 榜内第 4/8 名", "indicators of the parcel", "距 to grade A: 还差 9.76 分"]),
        (SAVED, ["保护（不低于C类）", "当年小升规", "小升规企业：不低于C类"]),
        (TOP, ["已是最高等级"]),
        (VETOED, ["不在十条产业链内 outside the ten chains", "无总分，缺失维度过多", "规模、成长"]),
        (BOTTOM, ["2024 年无环节定位 no position in 2024", "2024 年无综合评价", "2024 年无标签", "-120.5"]),
        (TENANT, ["2024 年无综合评价，只评规上企业", "only firms above scale are scored"]),
    ],
)  # fmt: skip
def test_missing_content_has_a_reason(
    release: Release, monkeypatch: pytest.MonkeyPatch, uscc: str, expected: list[str]
) -> None:
    lines = screen_of(gathered(release, uscc), monkeypatch)
    for text in expected:
        assert any(text in line for line in lines), text
    assert "None" not in "\n".join(lines)


@pytest.mark.parametrize("uscc", [EXEMPT, PROTECTED, INCOMPLETE, LANDLESS, GONE, UNTOLD])
def test_nothing_is_lifted_without_a_grade(release: Release, uscc: str) -> None:
    sheet = gathered(release, uscc)
    assert sheet.grade is None and sheet.lift is None and sheet.trend


def test_the_sheet_of_an_older_release_names_the_missing_sections(
    cold_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(cold_home, without=(*made.ELSEWHERE, *made.PROFILES))
    sheet = gathered(open_release(), GOOD)
    assert (sheet.positions, sheet.profile, sheet.tags, sheet.score) == (None, None, None, None)
    text = "\n".join(screen_of(sheet, monkeypatch))
    assert "不含 does not include: 产业链 chains、画像 profile、标签 tags、综合评价 score" in text
    assert "产业链位置" not in text and "还差 9.76 分" in text


def test_only_the_demo_city_is_called_synthetic(cold_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.write(cold_home, is_synthetic=False)
    sheet = gathered(open_release(), GOOD)
    assert sheet.synthetic == ""
    assert "ynthetic" not in "\n".join(screen_of(sheet, monkeypatch)) + page.page(sheet)


@pytest.mark.parametrize("uscc", [GOOD, VETOED, EXEMPT])
def test_a_release_with_years_and_months_in_one_table_shows_the_same_sheet(
    release: Release, tmp_path: Path, uscc: str
) -> None:
    """Releases made before months had tables of their own; their years are texts."""
    new = gathered(release, uscc)
    with at_home(tmp_path / "old", "sc://127.0.0.1:1"):
        made.write(tmp_path / "old", is_old=True)
        assert gathered(open_release(), uscc) == new


def test_another_year_has_its_own_period(release: Release) -> None:
    sheet = gathered(release, GOOD, "2023")
    assert (sheet.year, sheet.period, sheet.is_latest_year) == ("2023", "2023", False)
    assert [y.year for y in sheet.trend] == ["2020", "2021", "2022", "2023"]
    assert sheet.who.former_name is None
    with pytest.raises(UsageError, match=r"is not in the directory of 2019; it is in 2020, 2021"):
        gathered(release, GOOD, "2019")


SAMPLE = """
    SELECT uscc, year FROM per_mu.population LEFT JOIN per_mu.enterprise_grade USING (uscc, year)
    QUALIFY row_number() OVER (PARTITION BY year, eval_status_code, unit_role_code, initial_grade, final_grade
        ORDER BY uscc) <= 5"""


def test_sheets_of_a_built_city(built_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All kinds of firms are shown; the points to the next grade agree with the ranks of the list."""
    opened = open_release()
    compared = 0
    with reading(opened) as query:
        grades = query("SELECT * FROM per_mu.enterprise_grade WHERE rank_in_list IS NOT NULL")
        for row in query(SAMPLE):
            sheet = gather(query, opened.number, row["uscc"], row["year"])
            lines = screen_of(sheet, monkeypatch)
            assert len(lines) <= HEIGHT and max(map(cell_len, lines)) <= WIDTH
            assert (sheet.grade is None) == (sheet.standing is None or sheet.standing.status.code != "graded")
            assert "合成数据 Synthetic" in lines[0]
            compared += _compare(sheet, grades)
    assert compared > 20


def _compare(sheet: Card, grades: list[dict[str, Any]]) -> bool:
    """The missing points are a millionth or nothing above those of the unit in the next grade's last place, by rank.

    Only for lists without refills, firms without a reason, and a last place that is not shared.
    """
    own = next((g for g in grades if (g["uscc"], g["year"]) == (sheet.uscc, sheet.year)), None)
    if own is None or sheet.lift is None or sheet.lift.next_grade is None:
        return False
    assert sheet.lift.is_recomputed
    where = ("year", "district_code", "list_code")
    listed = [g for g in grades if all(g[k] == own[k] for k in where)]
    if own["grade_reasons"] or any("refill" in g["grade_reasons"] for g in listed):
        return False
    better = [g for g in listed if g["initial_grade"] == sheet.lift.next_grade.code]
    last = max(better, key=lambda g: g["rank_in_list"], default=None)
    if last is None or sheet.lift.points_missing is None or last["is_tie"]:
        return False
    assert sheet.lift.points_missing - (last["total_score"] - own["total_score"]) in (0, Decimal("0.000001"))
    return True
