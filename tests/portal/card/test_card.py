"""``./brain card``: every section and every odd kind of firm, on one screen, as a page, as JSON."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from portal.card import page, screen
from portal.card import sheet as sheets
from portal.card.sheet import Card
from portal.cli import console
from schemas.errors import UsageError
from tests.portal.card import card_release as made
from tests.portal.card.card_release import (
    BOTTOM,
    EDGE_A,
    EVIL,
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
)  # fmt: skip
from warehouse.releases import Release, open_release
from warehouse.settings import settings

HEIGHT, WIDTH = 45, 110

Brain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home, without an engine."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield settings().home
    settings.cache_clear()


@pytest.fixture
def release(home: Path) -> Release:
    made.write(home)
    return open_release()


def gathered(release: Release, uscc: str, year: str | None = None) -> Card:
    with sheets.reading(release) as query:
        return sheets.gather(query, release.number, uscc, year)


def screen_of(sheet: Card, monkeypatch: pytest.MonkeyPatch, width: int = WIDTH) -> list[str]:
    """The lines that a terminal of a width shows."""
    text = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(
            console,
            "out",
            Console(file=text, width=width, highlight=False, force_terminal=True, color_system=None),
        )
        screen.show(sheet)
    return text.getvalue().splitlines()


# --- what a sheet has ----------------------------------------------------------------------------------


#: What the sheet of the firm that has all says. Tax is VAT and income tax, not what statistics say was paid.
TOLD = (
    "合成数据 Synthetic data", "版本 release 1", NAMES[GOOD], GOOD, "海曙区", "规上", "中型", "存续",
    "2010-06-01（14 年", "32.5 亩", "自有 own 30", "原名 formerly 宁波旧名电器厂",
    "B 鼓励提升类", "初评 initial B", "101.50 = 96.50 + 加分 5.00", "第 4/8 名", "62.5%", "第 1,234/8,000", made.RULES,
    "12,346", "2,500", "650", "18.5",
    "I2 亩均增加值", "还差 9.75 分", "A 类末位总分 last total 111.25", "国家级品牌：加5分",
    "GDMJ-M01 注塑模具", "高端模具", "70%", "85%", "申报产品、销售", "薄弱（本地企业不足三家）", "40% 未确认", "链外",
    "同组 peers 汽车制造业 中型", "总分 total 55.25（较上年 change -3.5，主因 mostly 成长 -2.1）",
    "同组 peers 第 12/48", "落后指标 furthest behind: 工业总产值 12.5%", "规模 Scale", "█",
    "风险 risk: 高 High（亩均评价D类）", "上升", "81.25%", "高新技术企业", "增值税 600万元", "规上企业",
    "as of 2024-12", "2025-04-06",
)  # fmt: skip


def test_every_section_of_a_firm_that_has_all(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = gathered(release, GOOD)
    assert (sheet.year, sheet.period, sheet.release) == ("2024", "2024-12", 1)
    assert sheet.who.age_years == 14 and sheet.who.size and sheet.who.size.zh == "中型"
    assert sheet.grade and (sheet.grade.rank, sheet.grade.list_size) == (4, 8)
    assert sheet.grade.percentile_pct == Decimal("62.5")  # ahead of itself and four of eight
    text = "\n".join(screen_of(sheet, monkeypatch))
    for told in TOLD:
        assert told in text, told


def test_indicators_stand_by_the_points_that_they_lack(release: Release) -> None:
    lift = gathered(release, GOOD).lift
    assert lift
    assert [(i.indicator.code, i.points_missing) for i in lift.indicators] == [
        ("I2", 10), ("I1", Decimal("2.25")), ("I5", 2), ("I4", Decimal("1.2")), ("I3", 0), ("I6", 0),
    ]  # fmt: skip
    assert [i.note.code for i in lift.indicators if i.note] == ["group_average"]


@pytest.mark.parametrize(
    ("uscc", "following", "missing"),
    [
        # the last in A stands there by refill; who is vetoed or saved marks no edge
        (GOOD, "A", "9.75"), (EDGE_A, None, None), (BOTTOM, "C", "39.875"), (EVIL, "B", "20"),
        (SAVED, "B", "40"), (VETOED, "C", "-70"),
    ],
)  # fmt: skip
def test_points_to_the_next_grade(
    release: Release, uscc: str, following: str | None, missing: str | None
) -> None:
    lift = gathered(release, uscc).lift
    assert lift
    assert (lift.next_grade.code if lift.next_grade else None) == following
    assert lift.points_missing == (Decimal(missing) if missing else None)


def test_a_veto_is_said_and_points_do_not_lift_it(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(screen_of(gathered(release, VETOED), monkeypatch))
    assert "D 落后整治类" in text and "初评 initial A" in text
    assert "理由 why: 一票否决：违法排污" in text
    assert "总分已够" in text and "被否决 held down by veto" in text
    assert "否决 veto: 违法排污：一票否决，直接列为D类（甬罚〔2024〕1号）" in text


# --- what a firm does not have -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uscc", "told"),
    [
        (EXEMPT, ["无等级 no grade: 免评 Exempt", "免评行业 exempt industry: 电力、热力生产和供应业 44"]),
        (PROTECTED, ["保护期 Protected", "新供土地 new land", "至 until 2026-05-04"]),
        (INCOMPLETE, ["数据不全", "缺 missing: 税收", "为零 zero: 用地面积", "2024 缺 lacking: 税",
                      "隔离 in quarantine: "]),
        (LANDLESS, ["不在评价范围", "无用地记录 no land use on record", "用地 land: 无记录 not on record"]),
        (GONE, ["2022 年度", "非最新年度 not the latest year", "登记状态 registration: "]),
        (UNTOLD, ["2024 年不在参评名单"]),
        (TENANT, [f"随宗地主评价 Inherits the grade of the parcel's holder: {NAMES[GOOD]} {GOOD}",
                  "宗地主 holder's: 榜内第 4/8 名", "the indicators are the holder's", "距 to grade A: 还差 9.75 分"]),
        (SAVED, ["保护：不低于C类", "当年小升规", "小升规企业：不低于C类"]),
        (TOP, ["已是最高等级"]),
        (VETOED, ["不在十条产业链内 outside the ten chains", "无总分，缺维度太多", "规模、成长"]),
        (BOTTOM, ["2024 年无环节定位 no position in 2024", "2024 年无综合评价", "2024 年无标签", "-120.5"]),
        (TENANT, ["只评规上企业 only firms above scale are scored"]),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_with_its_reason(
    release: Release, monkeypatch: pytest.MonkeyPatch, uscc: str, told: list[str]
) -> None:
    lines = screen_of(gathered(release, uscc), monkeypatch)
    for text in told:
        assert any(text in line for line in lines), text
    assert "None" not in "\n".join(lines)


@pytest.mark.parametrize("uscc", [EXEMPT, PROTECTED, INCOMPLETE, LANDLESS, GONE, UNTOLD])
def test_nothing_is_lifted_without_a_grade(release: Release, uscc: str) -> None:
    sheet = gathered(release, uscc)
    assert sheet.grade is None and sheet.lift is None and sheet.trend


def test_missing_is_a_dash_and_never_a_zero(release: Release) -> None:
    sheet = gathered(release, INCOMPLETE)
    assert {(y.output_wan_yuan, y.tax_wan_yuan, y.tax_per_mu_wan_yuan) for y in sheet.trend} == {
        (None, None, None)
    }


def test_an_older_release_leaves_sections_out_and_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(home, without=tuple(made.ELSEWHERE))
    sheet = gathered(open_release(), GOOD)
    assert (sheet.positions, sheet.profile, sheet.tags, sheet.score) == (None, None, None, None)
    text = "\n".join(screen_of(sheet, monkeypatch))
    assert "无此栏 does not have: 产业链 chains、画像 profile、标签 tags、综合评价 score" in text
    assert "产业链位置" not in text and "还差 9.75 分" in text


def test_only_the_demo_city_is_called_synthetic(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.write(home, is_synthetic=False)
    sheet = gathered(open_release(), GOOD)
    assert sheet.synthetic == ""
    assert "ynthetic" not in "\n".join(screen_of(sheet, monkeypatch)) + page.page(sheet)


def test_another_year_has_its_own_period(release: Release) -> None:
    sheet = gathered(release, GOOD, "2023")
    assert (sheet.year, sheet.period, sheet.is_latest_year) == ("2023", "2023", False)
    assert [y.year for y in sheet.trend] == ["2020", "2021", "2022", "2023"]
    assert sheet.who.former_name is None
    with pytest.raises(UsageError, match=r"is not in the directory of 2019; it is in 2020, 2021"):
        gathered(release, GOOD, "2019")


# --- one screen ----------------------------------------------------------------------------------------


@pytest.fixture
def crowded(home: Path) -> Release:
    """A firm of which everything is long and many."""
    name = "宁波杭州湾新区某某高端智能成型装备制造及其配套零部件研究开发有限责任公司（合成）"
    firm = {**made._enterprise(GOOD, "2024"), "year": "2025", "enterprise_name": name, "former_name": name}
    position = {"uscc": GOOD, "year": "2025", "chain_code": "GDMJ", "confidence": "0.5", "is_confirmed": True}
    made.write(
        home,
        core__enterprise=[{**firm, "identity_flags": ["renamed", "old_district_code", "not_in_registry"]}],
        core__enterprise_year=[
            {**made._figures(GOOD, "2025"), "output_wan_yuan": "99999999.5",
             "missing_feeds": ["gov_tax", "gov_statistics", "gov_energy", "gov_emission", "gov_land_survey"],
             "quarantined_feeds": ["gov_tax", "gov_energy", "gov_emission", "gov_land_parcel", "gov_water"]}
        ],
        per_mu__population=[
            {**made._population(GOOD, "2025"), "status_reasons": ["upgraded", "new_firm", "new_land"] * 2}
        ],
        per_mu__enterprise_grade=[
            {**row, "is_tie": True, "grade_reasons": ["refill", "veto:tax_evasion", "veto:illegal_discharge"]}
            for row in made._grades("2025")
        ],
        per_mu__indicator_value=[
            *made._indicators(GOOD, "2025"),
            *({**row, "indicator_code": code} for row in made._indicators(GOOD, "2025")[:2] for code in ("I7", "I8")
              if (row["indicator_code"] == "I1") == (code == "I7")),
        ],
        per_mu__adjustment=[
            {**made._adjustment(GOOD, "veto", "direct_d", 0, "违法排污：一票否决，直接列为D类" * 4, "文号" * 30),
             "year": "2025", "event_id": str(n)}
            for n in range(7)
        ],
        chain__node_enterprise=[
            {**position, "node_code": f"GDMJ-M{n:02}", "position_share": "0.1", "tier_code": "mid",
             "position_reasons": ["declared", "sold", "purchases", "class_evidence", "honour", "override"],
             "override_reason": "经信局认定" * 20}
            for n in range(10)
        ],
        profile__enterprise_profile=[
            {"uscc": GOOD, "period": "2025-06", "risk_level_code": "high", "risk_reasons": ["grade_d"] * 12}
        ],
        profile__enterprise_tag=[
            {"uscc": GOOD, "period": "2025-06", "tag_code": f"tag_{n}", "tag_kind_code": "watch",
             "tag_evidence": ["output_wan_yuan=99999999.500000"] * 4}
            for n in range(12)
        ],
        profile__comprehensive_score=[made.score(GOOD, "2025-06")],
    )  # fmt: skip
    return open_release()


def test_the_most_there_can_be_is_one_screen(crowded: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = screen_of(gathered(crowded, GOOD), monkeypatch)
    assert len(lines) <= HEIGHT
    assert max(map(cell_len, lines)) <= WIDTH
    text = "\n".join(lines)
    assert re.findall(r"另有 (\d+) 项", text) == ["3", "7", "8"] and "…" in text
    # figures are never cut
    assert "100,000,000" in text and re.search(r"2025 +100,000,000 +2,500 +650", text)


@pytest.mark.parametrize("uscc", NAMES)
@pytest.mark.parametrize("width", [WIDTH, 200])
def test_every_sheet_is_one_screen(
    release: Release, monkeypatch: pytest.MonkeyPatch, uscc: str, width: int
) -> None:
    lines = screen_of(gathered(release, uscc), monkeypatch, width)
    assert len(lines) <= HEIGHT
    assert max(map(cell_len, lines)) <= WIDTH


def test_tables_are_aligned(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a year's grade begins is the same column in cells, whatever is Chinese before it."""
    lines = screen_of(gathered(release, GOOD), monkeypatch)
    head = next(n for n, line in enumerate(lines) if line.startswith("年 year"))
    at = cell_len(lines[head][: lines[head].index("等级")])
    for line in lines[head + 1 : head + 6]:
        grade = line.rstrip()[-1]
        assert grade in "ABCD" and cell_len(line.rstrip()[:-1]) == at


# --- the page ------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Elements, texts and references of a page; every element has to be closed in order."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.words: list[str] = []
        self.references: list[str] = []
        self.lang = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.seen.append(tag)
        self.lang = self.lang or given.get("lang") or ""
        self.references += [v or "" for k, v in attrs if k in ("src", "href", "action", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize("uscc", NAMES)
def test_the_page_is_whole_and_needs_nothing_else(release: Release, uscc: str) -> None:
    text = page.page(gathered(release, uscc))
    found = Page(text)
    assert found.open == [] and found.lang == "zh-CN"
    assert found.references == [] and "script" not in found.seen
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    said = "".join(found.words)
    assert NAMES[uscc] in said and "合成数据" in said and uscc in said and "None" not in said


def test_the_page_escapes_what_it_is_given(release: Release) -> None:
    text = page.page(gathered(release, EVIL))
    assert "<script" not in text and "&lt;script&gt;" in text


def test_the_page_has_all_that_a_screen_cuts(crowded: Release) -> None:
    sheet = gathered(crowded, GOOD)
    said = "".join(Page(page.page(sheet)).words)
    assert sheet.tags and all(t.tag.zh in said for t in sheet.tags)
    assert sheet.positions and all(p.node.code in said for p in sheet.positions)


def test_the_page_is_written_whole_or_not_at_all(
    release: Release, brain: Brain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "pages" / "甲.html"
    code, out, _ = brain("card", GOOD, "--html", str(target))
    assert code == 0 and str(target) in out.replace("\n", "")
    before = target.read_text(encoding="utf-8")
    assert before.startswith("<!DOCTYPE html>")
    (tmp_path / "file").write_text("")
    code, out, err = brain("card", GOOD, "--html", str(tmp_path / "file" / "x.html"))
    assert code == 1 and len(err.splitlines()) == 1 and "file" in err
    monkeypatch.setattr(page.words, "as_of", lambda _: 1 / 0)
    code, _, _ = brain("card", GOOD, "--html", str(target))
    assert code == 1 and target.read_text(encoding="utf-8") == before
    assert [p.name for p in target.parent.iterdir()] == ["甲.html"]


# --- the command ---------------------------------------------------------------------------------------


def test_json_is_one_object_and_nothing_else(release: Release, brain: Brain) -> None:
    code, out, err = brain("card", GOOD, "--json")
    [found] = json.loads(out)
    assert (code, err) == (0, "")
    assert found["uscc"] == GOOD and found["grade"]["final"]["code"] == "B"
    assert found["lift"]["points_missing"] == "9.750000" and found["positions"][0]["share"] == "0.700000"
    assert found["synthetic"] == "合成数据 Synthetic data" and len(found["trend"]) == 5


def test_an_unknown_code_names_the_nearest(release: Release, brain: Brain) -> None:
    code, out, err = brain("card", GOOD[:-1] + "X")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1
    assert f"no enterprise {GOOD[:-1]}X; nearest: {NAMES[GOOD]} {GOOD}" in err


def test_an_unknown_name_names_the_nearest(release: Release, brain: Brain) -> None:
    code, _, err = brain("card", "甲电器股份公司")
    assert code == 2 and f"nearest: {NAMES[GOOD]} {GOOD}" in err and len(err.splitlines()) == 1


def test_a_part_of_a_name_lists_matches(release: Release, brain: Brain) -> None:
    code, out, _ = brain("card", "轴承")
    assert code == 0 and TOP in out and EDGE_A in out and GOOD not in out
    assert "海曙区" in out and "A" in out and "共 2 家" in out and "next: ./brain card CODE" in out
    code, out, _ = brain("card", "轴承", "--json")
    assert [m["uscc"] for m in json.loads(out)] == [TOP, EDGE_A]


def test_not_more_matches_than_can_be_read(home: Path, brain: Brain) -> None:
    firms = [
        {**made._enterprise(GOOD, "2024"), "uscc": f"9133020399{n:08}", "enterprise_name": f"同名第{n:03}厂"}
        for n in range(57)
    ]
    made.write(home, core__enterprise=firms)
    code, out, _ = brain("card", "同名")
    assert code == 0 and out.count("同名第") == 20 and "共 57 家" in out and "显示前 20 家" in out
    code, out, err = brain("card", "同名", "--html", str(home / "x.html"))
    assert code == 2 and "57 enterprises" in err and not (home / "x.html").exists()


@pytest.mark.parametrize("word", ["甲电器", "旧名电器", GOOD.lower(), GOOD, f" {GOOD} "])
def test_one_match_is_shown(release: Release, brain: Brain, word: str) -> None:
    code, out, _ = brain("card", word)
    assert code == 0 and NAMES[GOOD] in out and "亩均评价 Per-mu grade 2024" in out


@pytest.mark.parametrize("word", ["%", "_", "'; drop table core.enterprise; --", "$1 ?", "[red]"])
def test_a_word_is_only_a_word(release: Release, brain: Brain, word: str) -> None:
    code, _, err = brain("card", word)
    assert code == 2 and len(err.splitlines()) == 1 and word in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("card", ""), "give a credit code, or a part of a name"),
        (("card", GOOD, "--release", "9"), "there is no release 9; there are 1"),
        (("card", GOOD, "--year", "1999"), "is not in the directory of 1999"),
    ],
)
def test_wrong_usage_is_one_line(release: Release, brain: Brain, words: tuple[str, ...], said: str) -> None:
    code, out, err = brain(*words)
    assert (code, out) == (2, "") and said in err and len(err.splitlines()) == 1


def test_a_former_code_finds_its_firm(release: Release, brain: Brain) -> None:
    """Where the release knows codes by which a firm was known."""
    import duckdb

    with duckdb.connect(str(release.file)) as connection:
        connection.execute(
            "CREATE TABLE core.enterprise_identifier (identifier VARCHAR, uscc VARCHAR, is_disputed BOOL)"
        )
        connection.execute(
            f"INSERT INTO core.enterprise_identifier VALUES ('330200000012345', '{GOOD}', false)"
        )
        connection.execute(
            f"INSERT INTO core.enterprise_identifier VALUES ('330200000099999', '{TOP}', true)"
        )
    assert NAMES[GOOD] in brain("card", "330200000012345")[1]
    assert brain("card", "330200000099999")[0] == 2


# --- a city of the demo --------------------------------------------------------------------------------

SAMPLE = """
    SELECT uscc, year FROM per_mu.population LEFT JOIN per_mu.enterprise_grade USING (uscc, year)
    QUALIFY row_number() OVER (PARTITION BY year, eval_status_code, unit_role_code, initial_grade, final_grade
        ORDER BY uscc) <= 2"""


def test_sheets_of_a_built_city(built_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All kinds of firms are shown; the points to the next grade are those that the ranks of the list say."""
    opened = open_release()
    compared = 0
    with sheets.reading(opened) as query:
        grades = query("SELECT * FROM per_mu.enterprise_grade WHERE rank_in_list IS NOT NULL")
        for row in query(SAMPLE):
            sheet = sheets.gather(query, opened.number, row["uscc"], row["year"])
            lines = screen_of(sheet, monkeypatch)
            assert len(lines) <= HEIGHT and max(map(cell_len, lines)) <= WIDTH
            assert (sheet.grade is None) == (sheet.standing is None or sheet.standing.status.code != "graded")
            assert "合成数据 Synthetic" in lines[0]
            compared += _compare(sheet, grades)
    assert compared > 20


def _compare(sheet: Card, grades: list[dict[str, Any]]) -> bool:
    """By plain counting, for firms of lists in which reasons always mean another grade, and nobody was refilled."""
    own = next((g for g in grades if (g["uscc"], g["year"]) == (sheet.uscc, sheet.year)), None)
    if own is None or sheet.lift is None or sheet.lift.next_grade is None:
        return False
    where = ("year", "district_code", "list_code")
    listed = [g for g in grades if all(g[k] == own[k] for k in where)]
    told = [g for g in listed if g["grade_reasons"]]
    if any(g["initial_grade"] == g["final_grade"] or "refill" in g["grade_reasons"] for g in told):
        return False
    better = [g for g in listed if g["initial_grade"] == sheet.lift.next_grade.code and g not in told]
    last = max(better, key=lambda g: g["rank_in_list"], default=None)
    assert sheet.lift.points_missing == (last["total_score"] - own["total_score"] if last else None)
    return True
