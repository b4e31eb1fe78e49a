"""The pages of firms: who finds whom, whose figures are shown, and that they are those of the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from portal.access.viewer import VISITOR
from portal.card.sheet import Card, gather
from portal.card.words.figures import amount, number, score
from portal.queries.tags import Fact
from portal.queries.titles import Named
from tests.built_city import BuiltCity, at_home
from tests.portal.sheets import gathered
from tests.portal.web import clients as seen_by
from tests.portal.web.clients import CITY, STATISTICS, clients, rows
from warehouse.releases import open_release

Ask = Callable[..., Any]
WITHHELD = "未获授权不予展示"
#: Graded firms above scale of 2024 that stand for themselves, with the state of their consent.
GRADED = """
    SELECT g.uscc, g.district_code, e.town_code, e.enterprise_name, g.final_grade, c.per_mu_consent_code AS consent
    FROM per_mu.enterprise_grade g
    JOIN core.enterprise e USING (uscc, year) JOIN core.consent_state c USING (uscc, year)
    WHERE g.year = 2024 AND g.list_code = 'above_scale' AND g.evaluation_uscc = g.uscc"""


@dataclass(frozen=True)
class Firm:
    """A firm of the built city."""

    uscc: str
    district: str
    town: str
    name: str


@pytest.fixture(scope="module")
def ask(built_city: BuiltCity, engine_remote: str) -> Iterator[Ask]:
    with at_home(built_city.home, engine_remote), clients() as asked:
        yield asked


def _firm(where: str) -> Firm:
    found = rows(f"{GRADED} AND {where} ORDER BY g.rank_in_list, g.uscc LIMIT 1")[0]
    return Firm(found["uscc"], found["district_code"], found["town_code"] or "", found["enterprise_name"])


@pytest.fixture(scope="module")
def agreed(ask: Ask) -> Firm:
    """A firm whose statistics may be shown for all purposes on this day."""
    return _firm(
        """(SELECT count(DISTINCT consent_purpose_code) FROM core.consent o WHERE o.uscc = g.uscc AND o.year = 2024
            AND o.consent_end_date IS NULL AND o.consent_from_date <= DATE '2025-06-30') = 3"""
    )


@pytest.fixture(scope="module")
def refused(ask: Ask) -> Firm:
    """A firm without any consent."""
    return _firm("c.per_mu_consent_code = 'not_given' AND c.profile_consent_code = 'not_given'")


def text(answer: Any) -> str:
    """What a reader reads: texts without elements, entities and charts; spaces are folded."""
    body = re.sub(r"<script.*?</script>|<head>.*?</head>", " ", answer.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def page_of(ask: Ask, viewer: Any, uscc: str, lang: str = "zh", part: str = "", **query: str) -> Any:
    asked = "".join(f"&{k}={v}" for k, v in query.items())
    return ask(viewer, f"/{lang}/enterprise/{uscc}{part}{'?' + asked[1:] if asked else ''}")


# --- finding -------------------------------------------------------------------------------------------


def test_a_code_goes_straight_to_the_sheet(ask: Ask, agreed: Firm) -> None:
    for typed in (agreed.uscc, agreed.uscc.lower(), f" {agreed.uscc[:4]} {agreed.uscc[4:]} "):
        for path in ("enterprise", "search"):
            answer = ask(CITY, f"/zh/{path}?q={quote(typed)}")
            assert (answer.status_code, answer.headers["location"]) == (302, f"/zh/enterprise/{agreed.uscc}")


def test_a_part_of_a_name_lists_firms_with_district_grade_and_year(ask: Ask, agreed: Firm) -> None:
    answer = ask(CITY, f"/zh/enterprise?q={quote(agreed.name[:6])}")
    assert answer.status_code == 200
    assert agreed.name in text(answer) and f'href="/zh/enterprise/{agreed.uscc}"' in answer.text


def test_a_former_name_and_a_former_code_find_the_firm(ask: Ask) -> None:
    renamed = rows(
        "SELECT uscc, former_name FROM core.enterprise WHERE former_name IS NOT NULL ORDER BY uscc LIMIT 1"
    )
    for row in renamed:
        answer = ask(CITY, f"/zh/enterprise?q={quote(row['former_name'])}")
        assert row["uscc"] in answer.text or answer.headers["location"].endswith(row["uscc"])
    others = rows(
        """SELECT identifier, uscc FROM core.enterprise_identifier WHERE NOT is_disputed
            AND identifier_kind_code = 'former_uscc' AND uscc IN (SELECT uscc FROM core.enterprise)
            AND identifier NOT IN (SELECT uscc FROM core.enterprise) LIMIT 1"""
    )
    for row in others:
        answer = ask(CITY, f"/zh/enterprise/{row['identifier']}")
        assert (answer.status_code, answer.headers["location"]) == (302, f"/zh/enterprise/{row['uscc']}")
    assert renamed or others


def test_the_search_finds_tables_by_their_titles(ask: Ask) -> None:
    answer = ask(CITY, f"/zh/search?q={quote('企业评价等级')}")
    assert 'href="/zh/data/per_mu.enterprise_grade"' in answer.text
    assert "per_mu.enterprise_grade" not in ask(VISITOR, f"/zh/search?q={quote('企业评价等级')}").text


@pytest.mark.parametrize(("lang", "said"), [("zh", "没有找到“{}”"), ("en", "Nothing was found for “{}”")])
def test_an_unknown_code_is_told_in_the_reader_s_language(
    ask: Ask, agreed: Firm, lang: str, said: str
) -> None:
    mistyped = agreed.uscc[:-1] + ("1" if agreed.uscc[-1] != "1" else "2")
    answer = page_of(ask, CITY, mistyped, lang)
    assert answer.status_code == 404
    told = text(answer)
    assert said.format(mistyped) in told and agreed.name in told
    assert ("校验码" in told) == (lang == "zh") and "./brain" not in told and "directories" not in told
    searched = text(ask(CITY, f"/{lang}/enterprise?q={mistyped}"))
    assert said.format(mistyped) in searched and agreed.name in searched


def test_a_year_without_the_firm_names_its_years(ask: Ask, agreed: Firm) -> None:
    answer = page_of(ask, CITY, agreed.uscc, year="1999")
    assert answer.status_code == 404 and "不在 1999 年名录" in text(answer) and "2024" in text(answer)
    assert page_of(ask, CITY, agreed.uscc, year="'; --").status_code == 404


EVIL = "<script>alert('宁')</script><img src=x onerror=alert(1)>"


def test_planted_html_comes_out_as_text(ask: Ask, agreed: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(*asked: Any, **options: Any) -> Card:
        card = gather(*asked, **options)
        evil = Named("evil", EVIL, EVIL)
        who = replace(card.who, name=EVIL, former_name=EVIL, identity_flags=(evil,), missing_feeds=(evil,))
        tags = tuple(replace(tag, evidence=(Fact(evil, evil, ""),)) for tag in card.tags or ())
        return replace(card, who=who, tags=tags)

    monkeypatch.setattr("portal.web.pages.enterprise.gather", planted)
    for lang in ("zh", "en"):
        answer = page_of(ask, STATISTICS, agreed.uscc, lang)
        assert answer.status_code == 200 and "&lt;script&gt;alert" in answer.text
        assert "<script>alert" not in answer.text and "<img" not in answer.text
        for path in ("search", "enterprise"):
            searched = ask(CITY, f"/{lang}/{path}?q={quote(EVIL)}")
            assert "<script>alert" not in searched.text and "<img" not in searched.text


# --- who sees which firm -------------------------------------------------------------------------------


def test_a_district_finds_only_its_firms(ask: Ask, agreed: Firm) -> None:
    other = "330282" if agreed.district != "330282" else "330281"
    stranger = seen_by.district(other)
    assert page_of(ask, seen_by.district(agreed.district), agreed.uscc).status_code == 200
    for address in (
        f"/zh/enterprise/{agreed.uscc}",
        f"/zh/evidence/per_mu.enterprise_grade?uscc={agreed.uscc}&year=2024",
        f"/zh/evidence/per_mu.enterprise_grade/rows?uscc={agreed.uscc}&year=2024",
    ):
        answer = ask(stranger, address)
        assert answer.status_code == 404 and agreed.name not in answer.text
    assert agreed.name not in ask(stranger, f"/zh/enterprise?q={quote(agreed.name[:6])}").text


def test_a_firm_sees_its_own_sheet_and_no_other(ask: Ask, agreed: Firm, refused: Firm) -> None:
    own = seen_by.firm(refused.uscc)
    led = ask(own, "/zh/enterprise?q=anything")
    assert led.headers["location"] == f"/zh/enterprise/{refused.uscc}"
    answer = page_of(ask, own, refused.uscc)
    assert answer.status_code == 200 and WITHHELD not in answer.text
    card = gathered(open_release(), refused.uscc)
    assert card.grade and card.grade.total_score is not None
    assert score(card.grade.total_score) in text(answer)
    for address in (
        f"/zh/enterprise/{agreed.uscc}",
        f"/zh/search?q={agreed.uscc}",
        f"/zh/search?q={quote(agreed.name)}",
    ):
        other = ask(own, address)
        assert other.status_code in (200, 404) and agreed.name not in other.text.replace(
            f"“{agreed.name}”", ""
        ).replace(f'value="{agreed.name}"', "")


def test_a_sheet_names_no_neighbour(ask: Ask, refused: Firm) -> None:
    names = [row["enterprise_name"] for row in rows("SELECT DISTINCT enterprise_name FROM core.enterprise")]
    codes = [row["uscc"] for row in rows("SELECT DISTINCT uscc FROM core.enterprise")]
    shown = page_of(ask, seen_by.firm(refused.uscc), refused.uscc).text
    own = {
        row["enterprise_name"]
        for row in rows("SELECT enterprise_name FROM core.enterprise WHERE uscc = ?", refused.uscc)
    }
    assert [name for name in names if name in shown and name not in own] == []
    assert [code for code in codes if code in shown and code != refused.uscc] == []
    assert "类末位总分" not in shown


def test_a_visitor_is_led_to_the_sign_in_or_the_public_lists(ask: Ask, agreed: Firm) -> None:
    answer = ask(VISITOR, f"/zh/search?q={quote(agreed.name)}")
    assert answer.status_code == 200 and 'href="/zh/public"' in answer.text and agreed.uscc not in answer.text
    for address in (
        f"/zh/enterprise/{agreed.uscc}?year=2024",
        f"/zh/enterprise?q={quote(agreed.name)}",
        f"/zh/evidence/per_mu.enterprise_grade?uscc={agreed.uscc}",
        f"/releases/1/zh/enterprise/{agreed.uscc}",
    ):
        sheet = ask(VISITOR, address)
        assert sheet.status_code == 303 and not sheet.text
        assert sheet.headers["location"] == f"/zh/login?next={quote(address, safe='')}"


def test_a_tenant_sees_its_grade_and_no_figure_of_its_parcel_s_holder(ask: Ask) -> None:
    tenants = rows(
        """SELECT uscc, evaluation_uscc AS holder, final_grade AS grade FROM per_mu.enterprise_grade
        WHERE year = 2024 AND evaluation_uscc <> uscc ORDER BY uscc LIMIT 2"""
    )
    assert tenants
    for tenant in tenants:
        answer = page_of(ask, seen_by.firm(tenant["uscc"]), tenant["uscc"])
        assert answer.status_code == 200
        assert "宗地主的数据不向其他企业展示" in text(answer) and f"{tenant['grade']} " in text(answer)
        proof = evidence(ask, seen_by.firm(tenant["uscc"]), tenant["uscc"])
        assert proof.status_code == 200 and "综合得分 total" not in text(proof)
        assert page_of(ask, seen_by.firm(tenant["uscc"]), tenant["holder"]).status_code == 404


# --- figures -------------------------------------------------------------------------------------------


def figures_of(card: Card) -> Iterator[str]:
    """Every figure of the sheet that page and terminal both show, as the terminal writes it."""
    if (g := card.grade) and g.total_score is not None and g.indicator_score is not None:
        yield from map(score, (g.total_score, g.indicator_score, g.bonus_points, g.penalty_points))
    if g and g.rank:
        yield from (f"{g.rank:,}", f"{g.list_size:,}", number(g.percentile_pct))
    for i in card.lift.indicators if card.lift else ():
        yield from (amount(i.value) if i.value is not None else "", score(i.score), number(i.weight))
        yield amount(i.baseline) if i.baseline is not None else ""
    for year in card.trend:
        for value in (
            year.output_wan_yuan,
            year.value_added_wan_yuan,
            year.tax_wan_yuan,
            year.tax_per_mu_wan_yuan,
        ):
            yield amount(value) if value is not None else ""
        yield score(year.total_score) if year.total_score is not None else ""
    for position in card.positions or ():
        yield f"{number(position.share * 100)}%"
    if (c := card.score) is not None:
        yield number(c.total) if c.total is not None else ""
        yield from (number(one.pct) for one in (*c.dimensions, *c.weakest) if one.pct is not None)
    for tag in card.tags or ():
        yield from (*map(str, tag.evidence), tag.tag.zh)
    if card.lift and card.lift.points_missing is not None:
        for route in card.lift.routes[:1]:
            yield from (f"{abs(step.change.by).normalize():,f}" for step in route)


def test_every_figure_is_that_of_the_terminal(ask: Ask) -> None:
    sample = rows(
        """SELECT uscc, year FROM per_mu.population LEFT JOIN per_mu.enterprise_grade USING (uscc, year)
        WHERE year = 2024
        QUALIFY row_number() OVER (PARTITION BY eval_status_code, unit_role_code, final_grade ORDER BY uscc) <= 2"""
    )
    compared = 0
    for row in sample:
        card = gathered(open_release(), row["uscc"], row["year"])
        told = text(page_of(ask, STATISTICS, row["uscc"], year=row["year"])).replace("−", "-")
        ways = page_of(ask, STATISTICS, row["uscc"], part="/ways", year=row["year"])
        assert ways.status_code == (200 if card.lift else 404)
        told += text(ways)
        lost = [figure for figure in figures_of(card) if figure.replace("−", "-") not in told]
        assert lost == [], (row, lost)
        compared += len(list(figures_of(card)))
    assert compared > 300


def test_statistics_without_consent_are_told_as_withheld(ask: Ask, refused: Firm) -> None:
    card = gathered(open_release(), refused.uscc)
    assert card.grade and card.grade.total_score is not None and card.grade.rank and card.lift
    for viewer in (CITY, seen_by.district(refused.district)):
        told = text(page_of(ask, viewer, refused.uscc))
        assert WITHHELD in told and "统计法（2024年修正）第二十八条" in told
        # the grade and its place stay
        assert f"第 {card.grade.rank:,} 名 / {card.grade.list_size:,}" in told
        assert number(card.grade.percentile_pct) + "%" in told
        assert score(card.grade.total_score) not in told
        # a figure of few digits may stand there as a day or a place
        values = [amount(i.value) for i in card.lift.indicators if i.value and len(amount(i.value)) > 3]
        assert values and [value for value in values if value in told] == []
        output = card.trend[-1].output_wan_yuan
        assert output is None or amount(output) not in told
        assert page_of(ask, viewer, refused.uscc, part="/ways").status_code == 404
    english = text(page_of(ask, CITY, refused.uscc, "en"))
    assert "Not shown without the firm's consent" in english and "article 28" in english
    assert WITHHELD not in text(page_of(ask, STATISTICS, refused.uscc))


def test_a_town_sees_directory_and_grade(ask: Ask, agreed: Firm) -> None:
    from portal.access.viewer import Viewer

    town = Viewer("town", "town", agreed.town)
    answer = page_of(ask, town, agreed.uscc)
    assert answer.status_code == 200
    assert "镇街账户查看名录与等级" in text(answer) and "六项指标与基准" not in text(answer)


# --- evidence ------------------------------------------------------------------------------------------


def evidence(ask: Ask, viewer: Any, uscc: str, part: str = "", table: str = "per_mu.enterprise_grade") -> Any:
    column = "" if part else "&column=total_score"
    return ask(viewer, f"/zh/evidence/{table}{part}?uscc={uscc}&year=2024{column}")


def test_the_evidence_has_arithmetic_rule_and_the_way_to_the_rows(ask: Ask, agreed: Firm) -> None:
    answer = evidence(ask, CITY, agreed.uscc)
    told = text(answer)
    assert answer.status_code == 200 and "综合得分 total =" in told and "≠" not in told
    assert "浙政发〔2018〕5号" in told and "/evidence/per_mu.enterprise_grade/rows" in answer.text
    in_rows = evidence(ask, CITY, agreed.uscc, "/rows")
    assert in_rows.status_code == 200 and re.search(r"tax_2024[^:\s/]*:\d+", text(in_rows))
    assert str(open_release().file.parent) not in in_rows.text and "source_record" not in in_rows.text


def test_evidence_without_consent_is_withheld(ask: Ask, refused: Firm) -> None:
    answer = evidence(ask, CITY, refused.uscc)
    assert answer.status_code == 200 and WITHHELD in text(answer) and "综合得分 total" not in text(answer)
    assert evidence(ask, CITY, refused.uscc, "/rows").status_code == 403
    assert "综合得分 total =" in text(evidence(ask, STATISTICS, refused.uscc))


def test_a_firm_reads_its_own_arithmetic_and_records(ask: Ask, agreed: Firm, refused: Firm) -> None:
    own = seen_by.firm(refused.uscc)
    assert "综合得分 total =" in text(evidence(ask, own, refused.uscc))
    records = evidence(ask, own, refused.uscc, "/rows")
    codes = [row["uscc"] for row in rows("SELECT DISTINCT uscc FROM core.enterprise")]
    assert records.status_code == 200 and "gov_tax" in records.text
    assert [code for code in codes if code in records.text and code != refused.uscc] == []
    assert evidence(ask, own, agreed.uscc).status_code == 404


def test_a_district_has_arithmetic_without_records(ask: Ask, agreed: Firm) -> None:
    office = seen_by.district(agreed.district)
    assert "综合得分 total =" in text(evidence(ask, office, agreed.uscc))
    assert evidence(ask, office, agreed.uscc, "/rows").status_code == 403


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("per_mu.nothing?uscc=1", 404),
        ("per_mu.enterprise_grade", 422),
        ("per_mu.enterprise_grade?nothing=1", 404),
        ("per_mu.enterprise_grade?uscc=1&column=nothing", 404),
        ("per_mu.enterprise_grade?uscc=1&year=abc", 404),
        ("per_mu.indicator_value?year=2024", 422),
        ("release.info?key=release", 404),
        ("core.enterprise_year?uscc=1&land_area_mu=x';--", 404),
    ],
)
def test_a_wrong_address_of_evidence_is_told(ask: Ask, address: str, status: int) -> None:
    for part in ("", "/rows"):
        path, _, query = address.partition("?")
        answer = ask(CITY, f"/zh/evidence/{path}{part}?{query}")
        assert answer.status_code in ((status, 404) if "column" in address else (status,)), answer.text
        assert "Traceback" not in answer.text and "Error" not in text(answer)
