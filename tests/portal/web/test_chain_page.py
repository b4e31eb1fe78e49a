"""The pages of the chains: figures are those of the tables, states have their reasons, and each role sees its part."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest

from portal.access.viewer import VISITOR, Viewer
from portal.web.numbers import number, pct
from tests.built_city import BuiltCity, at_home
from tests.portal.web.clients import CITY, STATISTICS, clients, district, firm, rows

Ask = Callable[..., Any]
TOWN = Viewer("town", "town", "330282002")
CHAIN = "ZNJD"
#: Nodes of the chain with the figures of the whole release.
NODES = f"FROM chain.gap WHERE chain_code = '{CHAIN}' AND year = 2024"


@pytest.fixture(scope="module")
def ask(built_city: BuiltCity, engine_remote: str) -> Iterator[Ask]:
    with at_home(built_city.home, engine_remote), clients() as asked:
        yield asked


def text(html: str) -> str:
    """What a reader reads: texts without elements, entities and charts; spaces are folded."""
    body = re.sub(r"<script.*?</script>|<head>.*?</head>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def cells(html: str, name: str) -> dict[str, str]:
    """A row of a table by the name at its head: heading → text."""
    for row in re.findall(r"<tr[^>]*>(.*?)</tr>", html, re.DOTALL):
        found = {
            unescape(heading): text(cell)
            for heading, cell in re.findall(r'data-heading="([^"]*)">(.*?)</t[hd]>', row, re.DOTALL)
        }
        if name in found.values():
            return found
    raise AssertionError(f"no row {name}")


def graph(answer: Any) -> dict[str, Any]:
    """The series of the graph."""
    option = re.search(r'id="graph-option">(.*?)</script>', answer.text, re.DOTALL)
    assert option
    series: dict[str, Any] = json.loads(option[1])["series"][0]
    return series


# --- the ten chains ------------------------------------------------------------------------------------


def test_the_ten_chains_have_the_figures_of_their_tables(ask: Ask) -> None:
    page = ask(CITY, "/zh/chain?year=2024").text
    tables = rows(
        """SELECT c.zh, m.*, (SELECT count(*) FROM chain.gap g WHERE g.chain_code = m.chain_code AND g.year = m.year
            AND g.state_code = 'missing') AS missing
        FROM chain.chain_metrics m JOIN release.code c ON c.list = 'chain' AND c.code = m.chain_code
        WHERE m.year = 2024"""
    )
    assert len(tables) == 10
    for table in tables:
        row = cells(page, table["zh"])
        assert row["企业 (家)"] == f"{table['firm_count']:,}"
        assert row["✕ 缺失"] == str(table["missing"])
        # a sum of one or two firms is told as such
        shown = number(round(table["output_wan_yuan"] / 10000, 1)) if table["reporting_count"] > 2 else "—"
        assert row["产值 (亿元)"] == shown
        rate = table["local_supply_pct"]
        assert row["本地配套率 (%)"] == ("—" if rate is None else pct(round(rate, 1)))


def test_an_english_page_is_english(ask: Ask) -> None:
    page = text(ask(CITY, "/en/chain?year=2024").text)
    for row in rows("SELECT zh, en FROM release.code WHERE list = 'chain'"):
        assert row["en"] in page and row["zh"] not in page
    overview = ask(CITY, "/en/?year=2024").text
    assert 'href="/en/chain/GDMJ?year=2024"' in overview
    missing = rows(
        """SELECT node_name_zh, node_name_en FROM chain.gap JOIN chain.node USING (node_code, year, node_name_zh)
        WHERE year = 2024 AND state_code = 'missing'"""
    )
    assert any(row["node_name_en"] in text(overview) for row in missing)
    assert not any(row["node_name_zh"] in text(overview) + page for row in missing)


# --- a chain -------------------------------------------------------------------------------------------


def test_the_graph_has_every_node_with_its_state_and_every_purchase(ask: Ask) -> None:
    series = graph(ask(CITY, f"/zh/chain/{CHAIN}?year=2024"))
    boxes = {item["id"]: item for item in series["data"] if "category" in item}
    states = {row["node_code"]: row for row in rows(NODES)}
    titles = {row["code"]: row["zh"] for row in rows("FROM release.code WHERE list = 'chain_state'")}
    assert boxes.keys() == states.keys()
    for code, box in boxes.items():
        name, state = box["name"].split("\n")
        assert name == states[code]["node_name_zh"]
        assert titles[states[code]["state_code"]] in state
        assert box["value"][0] == "UMD".index(code[5])
    looks = {json.dumps(one["label"]) for one in series["categories"]}
    assert len(looks) == len(titles), "a state is told by its colour alone"
    bought = rows(
        f"""SELECT seller_node_code || '>' AS seller, buyer_node_code AS buyer, sum(trade_total_wan_yuan) AS amount
        FROM chain.supply_flow WHERE year = 2024 AND seller_chain_code = '{CHAIN}' AND buyer_chain_code = '{CHAIN}'
            AND seller_node_code <> buyer_node_code GROUP BY ALL ORDER BY amount DESC"""
    )
    widths = {
        (link["source"], link["target"][:-1]): link["lineStyle"]["width"]
        for link in series["links"]
        if "type" not in link["lineStyle"]
    }
    assert widths.keys() == {(row["seller"], row["buyer"]) for row in bought}
    ordered = [widths[row["seller"], row["buyer"]] for row in bought]
    assert ordered and ordered == sorted(ordered, reverse=True)


def test_output_is_the_width_and_nothing_withheld_is_drawn(ask: Ask) -> None:
    figures = rows(NODES)
    for viewer in (CITY, STATISTICS):
        boxes = {item["id"]: item for item in graph(ask(viewer, f"/zh/chain/{CHAIN}?year=2024"))["data"]}
        widths = {row["node_code"]: boxes[row["node_code"]]["symbolSize"][0] for row in figures}
        narrowest = min(widths.values())
        for row in figures:
            # the statistics office sees every sum; others see those of at least three firms
            is_shown = row["reporting_count"] >= (1 if viewer is STATISTICS else 3)
            assert is_shown or widths[row["node_code"]] == narrowest
        seen = [r for r in figures if r["reporting_count"] >= (1 if viewer is STATISTICS else 3)]
        ordered = [widths[r["node_code"]] for r in sorted(seen, key=lambda r: r["output_wan_yuan"])]
        assert ordered == sorted(ordered)


def test_sums_do_not_depend_on_the_right_to_see_statistics(ask: Ask) -> None:
    pages = [ask(viewer, f"/zh/chain/{CHAIN}?year=2024").text for viewer in (CITY, STATISTICS)]
    for row in rows(NODES):
        mine, whole = (cells(page, row["node_name_zh"]) for page in pages)
        expected = number(row["output_wan_yuan"]) if row["reporting_count"] else "—"
        assert whole["产值 (万元)"] == expected
        assert mine["产值 (万元)"] == (expected if row["reporting_count"] >= 3 else "—")
        assert "首位集中度 (%)" in whole and "首位集中度 (%)" not in mine
        for heading in ("状态", "企业 (家)", "规上 (家)", "本地配套率 (%)"):
            assert mine[heading] == whole[heading]
    figure = re.compile(r"<dl class=\"figures\">.*?</dl>", re.DOTALL)
    assert figure.findall(pages[0]) == figure.findall(pages[1])


# --- a node --------------------------------------------------------------------------------------------


def test_a_state_is_explained_by_its_rules_with_their_figures(ask: Ask) -> None:
    explained = set()
    for row in rows(f"SELECT DISTINCT ON (state_reasons[1]) * {NODES} ORDER BY state_reasons[1], node_code"):
        page = ask(STATISTICS, f"/zh/chain/{CHAIN}/node/{row['node_code']}?year=2024").text
        reason, *others = row["state_reasons"]
        titles = {one["code"]: one["zh"] for one in rows("FROM release.code WHERE list = 'state_reason'")}
        decides = re.search(r'<li class="decides">(.*?)</li>', page, re.DOTALL)
        assert decides and titles[reason] in text(decides[1])
        holding = text(page[page.index('class="decides"') : page.index("<details><summary>不成立的规则")])
        assert all(titles[other] in holding for other in others if other != "no_rule_holds")
        if reason == "one_firm_leads":
            assert f"首位集中度(CR1) {number(row['cr1_pct'])}%" in text(decides[1])
        if reason == "few_firms":
            assert f"有据企业数 {row['proven_count']}家" in text(decides[1])
        explained.add(reason)
    assert len(explained) >= 3


def test_concentration_and_the_largest_firm_are_for_the_statistics_office(ask: Ask) -> None:
    [node] = rows(
        """SELECT g.node_code, g.chain_code, g.cr1_pct, e.enterprise_name FROM chain.gap g
        JOIN core.enterprise e ON e.uscc = g.lead_uscc AND e.year = g.year
        WHERE g.year = 2024 AND g.reporting_count = 1 ORDER BY g.node_code LIMIT 1"""
    )
    address = f"/zh/chain/{node['chain_code']}/node/{node['node_code']}?year=2024"
    with_right, without = (ask(viewer, address).text for viewer in (STATISTICS, CITY))
    words = r"<dt>首位集中度</dt><dd>(.*?)</dd>\s*<dt>首位企业</dt><dd>(.*?)</dd>"
    share, lead = re.findall(words, with_right, re.DOTALL)[0]
    assert text(share) == f"{number(node['cr1_pct'])} %" and text(lead) == node["enterprise_name"]
    for shown in re.findall(words, without, re.DOTALL)[0]:
        assert text(shown) == "—" and "须有统计权限" in shown
    assert "不足三家企业，不予公布" in without


def test_a_node_lists_its_firms_its_trade_and_its_possible_suppliers(ask: Ask) -> None:
    [node] = rows(
        f"""SELECT node_code FROM chain.local_supplier WHERE chain_code = '{CHAIN}' AND year = 2024
        GROUP BY ALL ORDER BY count(*) DESC, node_code LIMIT 1"""
    )
    code = node["node_code"]
    page = text(ask(CITY, f"/zh/chain/{CHAIN}/node/{code}?year=2024").text)
    firms = rows(
        """SELECT e.enterprise_name, n.is_confirmed
        FROM chain.node_enterprise n JOIN core.enterprise e USING (uscc, year)
        WHERE n.node_code = ? AND n.year = 2024 AND n.position_share > 0""",
        code,
    )  # fmt: skip
    assert f"{sum(f['is_confirmed'] for f in firms)} 家已确认，共 {len(firms)} 家" in page
    assert all(f["enterprise_name"] in page for f in firms if f["is_confirmed"])
    best = rows(
        """SELECT enterprise_name FROM chain.local_supplier
        WHERE node_code = ? AND year = 2024 AND supplier_rank = 1""",
        code,
    )
    assert best and all(one["enterprise_name"] in page for one in best)
    sold = rows(
        """SELECT sum(local_trade_wan_yuan) AS amount FROM chain.supply_flow
        WHERE seller_node_code = ? AND year = 2024 GROUP BY buyer_node_code, is_buyer_local""",
        code,
    )  # fmt: skip
    assert sold and all(number(one["amount"]) in page for one in sold)


# --- who sees what -------------------------------------------------------------------------------------


def test_a_district_sees_the_citys_figures_and_its_own_firms(ask: Ask) -> None:
    [node] = rows(
        """SELECT chain_code, node_code FROM chain.node_enterprise WHERE year = 2024 AND position_share > 0
            AND chain_code <> 'OUT'
        GROUP BY ALL HAVING count(DISTINCT district_code) > 1 AND bool_or(district_code = '330282')
        ORDER BY count(*) DESC, node_code LIMIT 1"""
    )
    address = f"/zh/chain/{node['chain_code']}/node/{node['node_code']}"
    mine, citys = (ask(viewer, f"{address}?year=2024") for viewer in (district("330282"), CITY))
    terms = re.compile(r"<dl class=\"terms\">.*?</dl>", re.DOTALL)
    assert terms.search(mine.text)[0] == terms.search(citys.text)[0]  # type: ignore[index]
    assert "只列本区县企业" in mine.text and "只列本区县企业" not in citys.text
    named = {
        row["uscc"]: row["district_code"]
        for row in rows("SELECT uscc, district_code FROM core.enterprise WHERE year = 2024")
    }
    seen = {
        uscc
        for page in (mine.text, ask(district("330282"), f"{address}/export.csv?year=2024").text)
        for uscc in named
        if uscc in page
    }
    assert seen and {named[uscc] for uscc in seen} == {"330282"}


@pytest.mark.parametrize("role", ["firm", "town", "visitor"])
def test_others_see_nodes_and_products_and_no_figure(ask: Ask, role: str) -> None:
    [own] = rows(
        f"""SELECT uscc, node_code FROM chain.node_enterprise WHERE chain_code = '{CHAIN}' AND year = 2024
            AND position_share > 0 ORDER BY uscc, node_code LIMIT 1"""
    )
    viewer = {"firm": firm(own["uscc"]), "town": TOWN, "visitor": VISITOR}[role]
    firms = {row["enterprise_name"] for row in rows("SELECT enterprise_name FROM core.enterprise")}
    states = [row["zh"] for row in rows("FROM release.code WHERE list = 'chain_state'")]
    node = rows(f"FROM chain.node WHERE node_code = '{own['node_code']}' AND year = 2024")[0]
    for address in (
        "",
        f"/{CHAIN}",
        f"/{CHAIN}/node/{node['node_code']}",
        f"/{CHAIN}?node={node['node_code']}",
    ):
        answer = ask(viewer, f"/zh/chain{address}")
        assert answer.status_code == 200
        page = text(answer.text)
        assert "供政府部门使用" in page or "供市与区县部门使用" in page
        assert "graph-option" not in answer.text and 'class="node-state' not in answer.text
        assert [word for word in states if f" {word} " in page] == []
        assert not any(name in page for name in firms)
    tree = ask(viewer, f"/zh/chain/{CHAIN}").text
    assert node["node_name_zh"] in tree
    assert ("贵企业</span>" in tree) is (role == "firm")
    for file in (f"/zh/chain/{CHAIN}/export.csv", f"/zh/chain/{CHAIN}/node/{node['node_code']}/export.xlsx"):
        refused = ask(viewer, file)
        assert refused.status_code == (303 if role == "visitor" else 403)


# --- files, faults -------------------------------------------------------------------------------------


def test_the_file_of_a_chain_has_its_nodes(ask: Ask) -> None:
    answer = ask(CITY, f"/zh/chain/{CHAIN}/export.csv?year=2024")
    heading, *lines = csv.reader(answer.text.lstrip("\ufeff").splitlines())
    figures = {row["node_code"]: row for row in rows(NODES)}
    assert {line[0] for line in lines} == figures.keys()
    output = heading.index("产值 (万元)")
    for line in lines:
        row = figures[line[0]]
        assert bool(line[output]) is (row["reporting_count"] >= 3)
    book = ask(CITY, f"/en/chain/{CHAIN}/export.xlsx?year=2024")
    assert book.content.startswith(b"PK")


@pytest.mark.parametrize(
    "address", ["/XXXX", "/ZNJD/node/GDMJ-M01", f"/{CHAIN}?node=%3Cb%3E", f"/{CHAIN}?year=1999", "/GDMJ'--"]
)
def test_what_does_not_exist_is_said(ask: Ask, address: str) -> None:
    for lang in ("zh", "en"):
        answer = ask(CITY, f"/{lang}/chain{address}")
        assert answer.status_code == 404
        assert "<b>" not in answer.text


def test_a_node_that_a_year_does_not_have_leaves_the_chain_open(ask: Ask) -> None:
    gone = rows(
        """SELECT DISTINCT chain_code, node_code, y.year
        FROM chain.node n CROSS JOIN (SELECT DISTINCT year FROM chain.node) y
        WHERE NOT EXISTS (FROM chain.node o WHERE o.node_code = n.node_code AND o.year = y.year)"""
    )
    for one in gone[:3]:
        answer = ask(CITY, f"/zh/chain/{one['chain_code']}?year={one['year']}&node={one['node_code']}")
        assert answer.status_code == 200 and "选一个环节" in answer.text


def test_every_year_has_its_graph(ask: Ask) -> None:
    for row in rows("SELECT DISTINCT year FROM chain.node"):
        series = graph(ask(CITY, f"/en/chain/{CHAIN}?year={row['year']}"))
        dotted = [link for link in series["links"] if link["lineStyle"].get("type") == "dotted"]
        traded = rows("SELECT count(*) AS n FROM chain.supply_flow WHERE year = ?", row["year"])[0]["n"]
        assert series["links"] and (traded > 0 or dotted == series["links"])


def test_firms_are_paged(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.queries.node_firms.PAGE", 3)
    [node] = rows(
        """SELECT chain_code, node_code, count(*) AS n FROM chain.node_enterprise WHERE year = 2024
            AND position_share > 0 AND chain_code <> 'OUT' GROUP BY ALL ORDER BY n DESC, node_code LIMIT 1"""
    )
    address: str | None = f"/zh/chain/{node['chain_code']}/node/{node['node_code']}?year=2024"
    seen: list[str] = []
    while address:
        page = ask(CITY, address).text
        seen += re.findall(r'class="row-link" href="/zh/enterprise/(\w{18})', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = unescape(following[1]) if following else None
    assert len(seen) == len(set(seen)) == node["n"] > 3
    broken = ask(CITY, f"/zh/chain/{node['chain_code']}/node/{node['node_code']}?after=nowhere")
    assert broken.status_code == 422
