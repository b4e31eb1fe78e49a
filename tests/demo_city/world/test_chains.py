"""The demo city's chain roles: planted gaps, roles and lines, and the truth files.

The chain models are read here as plain data, independently of the generator.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pytest
import yaml

from demo_city.senders.market import trades
from demo_city.senders.parties import local_shares
from demo_city.senders.products import revenue
from demo_city.truth import GAPS, IDENTITIES, POSITIONS
from demo_city.world.chains import MODELS
from demo_city.world.city import City
from demo_city.world.parameters import parameters
from demo_city.world.population import BELOW
from demo_city.world.roles import WHOLE
from schemas.contract import ContractError
from tests.demo_city.senders.test_places import rows
from tests.demo_city.sent_city import Sent, at_scale

YEARS = (2020, 2021, 2022, 2023, 2024)


@cache
def models() -> dict[str, dict[str, Any]]:
    """Nodes of the chain models by code."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(MODELS.glob("*.yml"))]
    return {node["code"]: node for model in files for node in model["nodes"]}


def industrial(node: dict[str, Any]) -> bool:
    return any("06" <= code[:2] <= "46" for code in node["classes"])


def outputs(city: City, year: int) -> dict[str, dict[int, float]]:
    """Revenue of each firm in each node, 万元."""
    roles, q = city.roles, city.population
    sites = q.in_year(year)
    earned = dict(zip(city.firms(sites, year).tolist(), revenue(city, year)[sites].tolist(), strict=True))
    by_node: dict[str, dict[int, float]] = defaultdict(dict)
    for firm, node, share in zip(roles.firm.tolist(), roles.node.tolist(), roles.share.tolist(), strict=True):
        if firm in earned and node < len(roles.nodes):
            by_node[roles.nodes.codes[node]][firm] = earned[firm] * share / WHOLE
    return by_node


# --- gaps ------------------------------------------------------------------------------------------------


def test_planted_nodes_are_industrial_nodes_of_the_models() -> None:
    gaps, known = parameters().chain_gaps, models()
    assert (len(gaps.missing), len(gaps.weak), len(gaps.single_point)) == (3, 5, 2)
    assert len(set(gaps.all)) == 10
    assert all(industrial(known[code]) for code in gaps.all)
    # lacking products need buyers
    assert all(known[code].get("feeds") for code in (*gaps.missing, *gaps.weak))


@pytest.mark.parametrize("scale", [0.005, 0.02, pytest.param(1.0, marks=pytest.mark.slow)])
def test_gaps_hold_at_every_scale_and_in_every_year(scale: float) -> None:
    city, gaps = at_scale(scale), parameters().chain_gaps
    for year in (2020, 2022, 2024):
        made = outputs(city, year)
        assert {code: len(made[code]) for code in gaps.missing} == dict.fromkeys(gaps.missing, 0)
        for code in gaps.weak:
            sites = [city.population.firm_site[firm] for firm in made[code]]
            assert 1 <= len(sites) <= 2, (code, year)
            assert {int(city.population.status[year][site]) for site in sites} == {BELOW}, (code, year)
        for code in gaps.single_point:
            sizes = sorted(made[code].values())
            assert len(sizes) >= 3 and sizes[-1] > 0.8 * sum(sizes), (code, year)


def test_no_other_node_is_empty_or_dominated_at_full_scale() -> None:
    city, gaps = at_scale(1.0), parameters().chain_gaps
    for year in YEARS:
        made = outputs(city, year)
        ordinary = [code for code, node in models().items() if industrial(node) and code not in gaps.all]
        few = {code: len(made[code]) for code in ordinary if len(made[code]) < 3}
        dominated = [code for code in ordinary if max(made[code].values()) > 0.8 * sum(made[code].values())]
        assert (few, dominated) == ({}, [])
        assert not any(made[code] for code, node in models().items() if not industrial(node))


@pytest.mark.parametrize("scale", [0.005, 0.02, 1.0])
def test_lacking_products_are_bought_outside(scale: float) -> None:
    city, gaps = at_scale(scale), parameters().chain_gaps
    codes = list(models())
    home = {product: n for n, node in enumerate(models().values()) for product in node["products"]}
    traded = trades(city, 2024)
    node = np.array([home.get(code, -1) for code in city.roles.products.codes])[traded.product]
    inside = (traded.buyer < len(city.codes)) & (node >= 0)
    local = inside & (traded.seller < len(city.codes))
    total = np.bincount(node[inside], weights=traded.amount[inside], minlength=len(codes))
    here = np.bincount(node[local], weights=traded.amount[local], minlength=len(codes))
    share = {code: here[n] / total[n] for n, code in enumerate(codes) if total[n]}
    assert {code: share[code] for code in gaps.missing} == dict.fromkeys(gaps.missing, 0)
    assert all(0 < share[code] < 0.3 for code in gaps.weak), {code: share[code] for code in gaps.weak}
    planted = dict(zip(city.roles.nodes.codes, local_shares(city).tolist(), strict=True))
    assert all(abs(share[c] - planted[c]) < 0.02 for c in gaps.single_point if c in share)
    if scale == 1:
        ordinary = {c: s for c, s in share.items() if industrial(models()[c]) and c not in gaps.all}
        assert len(ordinary) > 100
        assert {c: (s, planted[c]) for c, s in ordinary.items() if abs(s - planted[c]) > 0.01} == {}


def test_an_unknown_planted_node_is_refused_in_one_line() -> None:
    nodes = at_scale(0.005).roles.nodes
    with pytest.raises(ContractError, match=r"parameters.yml: no chain model has the node XX-U99") as refused:
        nodes.positions(["XTCX-U02", "XX-U99"])
    assert "\n" not in str(refused.value)


# --- roles -----------------------------------------------------------------------------------------------


def test_shares_of_every_firm_add_up_to_its_revenue(city: City) -> None:
    roles = city.roles
    firms = len(city.codes)
    assert np.bincount(roles.firm, weights=roles.share, minlength=firms).tolist() == [WHOLE] * firms
    assert np.bincount(roles.line_firm, weights=roles.line_share, minlength=firms).tolist() == [WHOLE] * firms
    assert roles.share.min() > 0 and roles.line_share.min() >= 0
    pairs = set(zip(roles.firm.tolist(), roles.node.tolist(), strict=True))
    assert len(pairs) == len(roles.firm)
    nodes_of = Counter(roles.firm[roles.node != roles.outside].tolist())
    assert set(nodes_of.values()) == {1, 2, 3}


def test_lines_are_products_of_their_nodes(city: City) -> None:
    roles, known = city.roles, models()
    home = {product: code for code, node in known.items() for product in node["products"]}
    for node, product in zip(roles.line_node.tolist(), roles.line_product.tolist(), strict=True):
        code = roles.products.codes[product]
        assert home.get(code, "OUT") == ("OUT" if node == roles.outside else roles.nodes.codes[node])


def test_nodes_fit_the_class_of_the_firm_unless_it_is_wrong(city: City) -> None:
    roles, known, classes = city.roles, models(), city.classes.to_pylist()
    of_firm: dict[int, set[str]] = defaultdict(set)
    for firm, node in zip(roles.firm.tolist(), roles.node.tolist(), strict=True):
        if node != roles.outside:
            of_firm[firm] |= set(known[roles.nodes.codes[node]]["classes"])
    wrong = {firm for firm, of_nodes in of_firm.items() if classes[firm] not in of_nodes}
    assert wrong == set(np.flatnonzero(roles.has_wrong_class).tolist())
    assert 0.12 < len(wrong) / len(of_firm) < 0.15
    # a wrong class is of the same division, except for the few firms that planted gaps need
    near = [firm for firm in wrong if classes[firm][:2] in {code[:2] for code in of_firm[firm]}]
    assert len(near) > 0.98 * len(wrong)
    # a firm of a chain's class is outside all chains only if all nodes with that class are planted gaps
    planted = set(parameters().chain_gaps.all)
    open_classes = {c for code, node in known.items() if code not in planted for c in node["classes"]}
    assert all(firm in of_firm for firm, code in enumerate(classes) if code in open_classes)


# --- truth files ----------------------------------------------------------------------------------------


def test_true_positions_cover_the_directory_and_add_up(sent: Sent) -> None:
    with (sent.truth / POSITIONS).open(encoding="utf-8", newline="") as file:
        positions = list(csv.DictReader(file))
    assert list(positions[0]) == ["year", "uscc", "node_code", "share_pct"]
    share: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in positions:
        share[row["year"], row["uscc"]] += Decimal(row["share_pct"])
    assert set(share.values()) == {Decimal(100)}
    known = {"OUT", *models()}
    assert {row["node_code"] for row in positions} <= known
    changes = json.loads((sent.truth / IDENTITIES).read_text(encoding="utf-8"))
    for year in ("2020", "2022", "2024"):
        # an absorbed firm keeps its roles and leaves the directory in the next year
        absorbed = {c["from"] for c in changes if c["case"] == "absorption" and c["date"][:4] < year}
        listed = {c["统一社会信用代码"] for c in rows(sent, f"statistics_directory_{year}.csv")}
        broken = {f["key"]["uscc"] for f in sent.faults if f["feed"] == "gov_statistics_directory"}
        with_roles = {uscc for y, uscc in share if y == year}
        assert listed - broken <= with_roles and len(with_roles - absorbed) == len(listed)


def test_planted_gaps_are_in_the_truth_file(sent: Sent) -> None:
    written = json.loads((sent.truth / GAPS).read_text(encoding="utf-8"))
    gaps = parameters().chain_gaps
    assert {k: set(written[k]) for k in ("missing", "weak", "single_point")} == {
        "missing": set(gaps.missing),
        "weak": set(gaps.weak),
        "single_point": set(gaps.single_point),
    }
    share = written["local_share_pct"]
    assert set(share) == set(models())
    assert {share[code] for code in gaps.missing} == {0} and all(share[code] < 30 for code in gaps.weak)
    ordinary = {c: share[c] for c, node in models().items() if industrial(node) and c not in gaps.all}
    assert min(ordinary.values()) >= 5 and max(ordinary.values()) <= 90
    assert max(ordinary.values()) - min(ordinary.values()) > 80


def test_what_the_city_makes_in_plenty_is_bought_there() -> None:
    city = at_scale(0.005)
    share = dict(zip(city.roles.nodes.codes, local_shares(city).tolist(), strict=True))
    # petrochemical basics, moulds, castings, fasteners, wiring
    plenty = [share[c] for c in ("HGXCL-U02", "GDMJ-M01", "GDMJ-D02", "ZNCX-U01", "XNYQC-U06", "ZNJD-U08")]
    assert min(plenty) >= 0.6 and max(plenty) <= 0.9
    # wafers, machine tools, electronic chemicals, silicon, measuring devices
    scarce = [share[c] for c in ("JCDL-M01", "ZNCX-M07", "HGXCL-M07", "JCDL-U03", "GDMJ-U09")]
    assert min(scarce) >= 0.05 and max(scarce) <= 0.3
    ordinary = np.array([s for c, s in share.items() if c not in parameters().chain_gaps.all and s > 0])
    assert 0.2 < np.mean(ordinary > 0.6) < 0.4 and 0.15 < np.mean(ordinary < 0.3) < 0.35
