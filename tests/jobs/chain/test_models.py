"""Chain models: the shipped ones are valid, and each fault is refused in one line."""

from __future__ import annotations

import copy
import csv
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.chain.rules.models import MODELS, TIERS, load, load_models
from schemas import contract
from schemas.contract import EXTRA, SCHEMAS, ContractError, code_list
from schemas.errors import RejectedError, UsageError, UserError
from tests.oracles.chain_models import bought, graph_of, is_acyclic, is_connected

# --- what is shipped -----------------------------------------------------------------------------------


def test_the_shipped_chains_are_the_ten_of_the_plan() -> None:
    models = load()
    assert [c.code for c in models.chains] == list(code_list("chain"))
    assert len(models.chains) == 10
    assert {path.stem for path in MODELS.glob("*.yml")} == set(code_list("chain"))


def test_each_shipped_chain_has_enough_nodes_in_every_tier_and_year() -> None:
    for year in range(2020, 2031):
        for chain in load().valid(year).chains:
            assert len(chain.nodes) >= 25, (chain.code, year)
            assert all(sum(n.tier == tier for n in chain.nodes) >= 4 for tier in TIERS), (chain.code, year)


def test_the_shipped_nodes_name_two_to_five_products_and_their_classes() -> None:
    for node in load().nodes:
        assert 2 <= len(node.products) <= 5, node.code
        assert {code_list("product")[p]["industry_class"] for p in node.products} <= set(node.classes), (
            node.code
        )


def test_the_shipped_graph_agrees_with_the_oracle() -> None:
    graph = graph_of(MODELS)
    models = load()
    assert {(e.from_node, e.to_node): e.cost_share_pct for e in models.edges} == {
        (s, t): Decimal(share.numerator) / share.denominator
        for s, feeds in graph.items()
        for t, share in feeds.items()
    }
    assert is_acyclic(graph)
    assert max(bought(graph).values()) <= 100
    for chain in models.chains:
        assert is_connected(graph, [n.code for n in chain.nodes]), chain.code


def test_every_chain_has_an_edge_to_or_from_another_chain() -> None:
    models = load()
    across = {
        chain
        for edge in models.edges
        for chain in (edge.from_node.split("-")[0], edge.to_node.split("-")[0])
        if edge.from_node.split("-")[0] != edge.to_node.split("-")[0]
    }
    assert across == set(code_list("chain"))


def test_recycling_nodes_feed_no_other_node() -> None:
    ends = {"HGXCL-D06", "XNYQC-D05", "XTCX-D07", "ZNJD-D03", "SSFZ-D04"}
    assert all(load().node(code).feeds == () for code in ends)


def test_a_node_without_an_industrial_class_is_not_covered() -> None:
    models = load()
    assert not models.node("JCDL-U01").is_covered  # 6520 集成电路设计
    assert models.node("XTCX-M01").is_covered  # 3985
    assert models.node("JQR-D04").is_covered  # 7452 检测服务 and 4320 通用设备修理


def test_comments_beside_product_codes_repeat_the_names_of_the_code_list() -> None:
    for path in sorted(MODELS.glob("*.yml")):
        lines = re.findall(r"^  products: \[(.*)\]  # (.*)$", path.read_text(encoding="utf-8"), re.M)
        assert len(lines) == sum(n.chain_code == path.stem for n in load().nodes)
        for codes, names in lines:
            assert [code_list("product")[c.strip("' ")]["zh"] for c in codes.split(",")] == names.split("、")


def test_the_head_of_each_file_says_that_shares_are_estimates() -> None:
    for path in MODELS.glob("*.yml"):
        assert "平台估计" in path.read_text(encoding="utf-8").split("chain_code:")[0], path.name


def test_the_product_list_covers_manufacturing() -> None:
    with (SCHEMAS / "codes" / "product.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["code"] for row in rows}) == len(rows) >= 600
    assert [row["code"] for row in rows] == sorted(row["code"] for row in rows)
    outside = {row["code"] for row in rows} - set(load().product_nodes)
    assert outside
    manufacturing = {code for code in code_list("industry_class") if "13" <= code[:2] <= "43"}
    without = manufacturing - {row["industry_class"] for row in rows}
    assert "3670" not in without and len(without) < 25  # tobacco leaf, nuclear fuel, high-speed trains …


def test_service_classes_are_those_of_the_models_and_none_is_industrial() -> None:
    used = {code for node in load().nodes for code in node.classes}
    assert set(code_list("service_class")) == used - set(code_list("industry_class"))
    assert not set(code_list("service_class")) & set(code_list("industry_class"))


def test_an_unknown_node_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="no chain node XTCX-M99"):
        load().node("XTCX-M99")


# --- years -----------------------------------------------------------------------------------------------


def test_a_node_and_its_edges_are_valid_only_in_its_years() -> None:
    models = load()
    before, after = models.valid(2022), models.valid("2023-06")
    assert "JQR-M07" not in before.by_code and "JQR-M07" in after.by_code
    assert not [e for e in before.edges if "JQR-M07" in (e.from_node, e.to_node)]
    assert [e for e in after.edges if e.to_node == "JQR-M07"]
    assert not set(models.node("JQR-M07").products) & set(before.product_nodes)
    assert models.valid(2019).chains == ()


def test_the_fingerprint_changes_only_with_what_affects_the_period(tmp_path: Path) -> None:
    plain = load_models(folder(tmp_path, small()))
    assert plain.fingerprint("2024") == plain.fingerprint("2024-12") == plain.fingerprint("2021")

    def with_(edit: Edit) -> Callable[[str], str]:
        return load_models(folder(tmp_path, edited(edit))).fingerprint

    ends = with_(lambda raw: node(raw, "D02").update(valid_to=2024))
    assert (ends("2024"), ends("2025") == plain.fingerprint("2025")) == (plain.fingerprint("2024"), False)
    for edit in (
        lambda raw: node(raw, "U01")["feeds"][0].update(cost_share_pct=31),
        lambda raw: node(raw, "M01").update(classes=["3985", "3254", "3399"]),
        lambda raw: node(raw, "D01").update(tier="mid"),
    ):
        assert with_(edit)("2024") != plain.fingerprint("2024")


# --- what is refused -------------------------------------------------------------------------------------

Edit = Callable[[dict[str, Any]], object]


def small() -> dict[str, Any]:
    """U01 → M01 → D01, D02."""
    return {
        "chain_code": "XTCX",
        "title": {"zh": "稀土磁性材料", "en": "Rare-earth magnetic materials"},
        "valid_from": 2020,
        "source": "test",
        "nodes": [
            leaf("U01", "up", ["3232"], M01=30),
            leaf("M01", "mid", ["3985", "3254"], D01=20, D02="12.5") | {"substitutes": ["XTCX-U01"]},
            leaf("D01", "down", ["3813"]),
            leaf("D02", "down", ["3811"]),
        ],
    }


PRODUCTS = {"U01": "323201", "M01": "398501", "D01": "381301", "D02": "381101"}


def leaf(code: str, tier: str, classes: list[str], **feeds: Any) -> dict[str, Any]:
    return {
        "code": f"XTCX-{code}",
        "title": {"zh": code, "en": code},
        "tier": tier,
        "classes": classes,
        "products": [PRODUCTS[code]],
        "feeds": [{"node": f"XTCX-{to}", "cost_share_pct": share} for to, share in feeds.items()],
    }


def node(raw: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(n for n in raw["nodes"] if n["code"] == f"XTCX-{code}")
    return found


def edited(edit: Edit) -> dict[str, Any]:
    raw = copy.deepcopy(small())
    edit(raw)
    return raw


def folder(path: Path, *chains: dict[str, Any]) -> Path:
    for old in path.glob("*.yml"):
        old.unlink()
    for rank, chain in enumerate(chains):
        name = f"{chain.get('chain_code', 'chain')}{rank or ''}.yml"
        (path / name).write_text(yaml.safe_dump(chain, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def feed(raw: dict[str, Any], from_: str, to: str, share: Any = 1) -> None:
    node(raw, from_)["feeds"].append({"node": to, "cost_share_pct": share})


def grouped(raw: dict[str, Any], **more: Any) -> None:
    """D01 under a group G."""
    raw["nodes"].append({"code": "XTCX-G", "title": {"zh": "组", "en": "Group"}, "tier": "down", **more})
    node(raw, "D01")["parent"] = "XTCX-G"


def feeds_a_group(raw: dict[str, Any]) -> None:
    grouped(raw)
    feed(raw, "U01", "XTCX-G")


def never_together(raw: dict[str, Any]) -> None:
    node(raw, "D01")["valid_to"] = 2022
    node(raw, "D02")["valid_from"] = 2023
    feed(raw, "D01", "XTCX-D02")


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(UserError) as refused:
        read()
    line = str(refused.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        # a node by itself
        (lambda raw: node(raw, "M01").update(tier="middle"), "XTCX-M01: tier: "),
        (lambda raw: node(raw, "M01").update(classes=["3986"]), "XTCX-M01: unknown class 3986"),
        (lambda raw: node(raw, "M01").update(classes=[3985]), "XTCX-M01: classes.0: Input should be a valid string"),
        (lambda raw: node(raw, "M01").update(classes=[]), "XTCX-M01: a leaf has at least one of its classes"),
        (lambda raw: node(raw, "M01").update(products=[]), "XTCX-M01: a leaf has at least one of its products"),
        (lambda raw: node(raw, "M01").pop("products"), "XTCX-M01: a leaf has at least one of its products"),
        (lambda raw: node(raw, "M01").update(products=["398599"]), "XTCX-M01: unknown product 398599"),
        (lambda raw: node(raw, "M01").update(classes=["3254"]), "XTCX-M01: product 398501 is of class 3985"),
        (lambda raw: node(raw, "M01").update(classes=["3985", "3985"]), "XTCX-M01: classes names 3985 twice"),
        (lambda raw: node(raw, "M01").update(title={"zh": "磁"}), "XTCX-M01: title.en: "),
        (lambda raw: node(raw, "M01").update(tire="mid"), "XTCX-M01: tire: "),
        (lambda raw: node(raw, "M01").update(chain_code="JQR"), "XTCX-M01: chain_code stands once"),
        (lambda raw: node(raw, "M01").pop("code"), "a node without a code: code: "),
        (lambda raw: node(raw, "M01").update(code="JQR-M01"), "JQR-M01: a node's code begins with XTCX-"),
        (lambda raw: node(raw, "D02").update(code="XTCX-D01"), "XTCX-D01: the code is used twice"),
        # shares
        (lambda raw: feed(raw, "U01", "XTCX-D01", 101), "XTCX-U01: feeds.1.cost_share_pct: "),
        (lambda raw: feed(raw, "U01", "XTCX-D01", 0), "XTCX-U01: feeds.1.cost_share_pct: "),
        (lambda raw: feed(raw, "U01", "XTCX-D01", "0.001"), "XTCX-U01: feeds.1.cost_share_pct: "),
        (lambda raw: feed(raw, "U01", "XTCX-D01", 80.5), "XTCX-D01: what feeds into it sums to 100.5 per cent in 2020"),
        # edges and substitutes
        (lambda raw: feed(raw, "U01", "XTCX-D09"), "XTCX-U01: feeds names XTCX-D09, which is no leaf of any chain"),
        (lambda raw: feed(raw, "U01", "XTCX-M01"), "XTCX-U01: feeds names XTCX-M01 twice"),
        (lambda raw: node(raw, "D01").update(substitutes=["XTCX-D09"]), "XTCX-D01: substitutes names XTCX-D09"),
        (lambda raw: node(raw, "D01").update(substitutes=["XTCX-D01"]), "XTCX-D01: is named as its own substitute"),
        (lambda raw: node(raw, "U01").update(fed_by=[{"node": "X", "cost_share_pct": 1}]), "XTCX-U01: is fed by X"),
        # the graph
        (lambda raw: feed(raw, "M01", "XTCX-M01"), "XTCX-M01: feeds itself: XTCX-M01 → XTCX-M01"),
        (lambda raw: feed(raw, "D01", "XTCX-U01"), "feeds itself: XTCX-U01 → XTCX-M01 → XTCX-D01 → XTCX-U01"),
        (lambda raw: node(raw, "U01").update(feeds=[]), "XTCX-M01: no way over the chain's edges from XTCX-U01"),
        (lambda raw: node(raw, "U01").update(tier="mid"), "no node of tier up in 2020"),
        (lambda raw: raw.update(nodes=[]), "no node of tier up in 2020"),
        (
            lambda raw: node(raw, "D02").update(classes=["3813"], products=["381301"]),
            "XTCX-D02: product 381301 has its home in XTCX-D01 already",
        ),
        # years
        (
            lambda raw: node(raw, "D01").update(valid_from=2024, valid_to=2023),
            "XTCX-D01: valid_to 2023 is before valid_from 2024",
        ),
        (lambda raw: node(raw, "D01").update(valid_from=2019), "XTCX-D01: holds in years in which its chain does not"),
        (lambda raw: node(raw, "D01").update(valid_from="2019-05"), "XTCX-D01: valid_from: "),
        (lambda raw: node(raw, "U01").update(valid_from=2022), "no node of tier up in 2020"),
        (lambda raw: node(raw, "M01").update(valid_to=2024), "no node of tier mid in 2025"),
        (never_together, "XTCX-D01: feeds names XTCX-D02, and there is no year in which both hold"),
        # groups
        (lambda raw: grouped(raw, products=["381301"]), "XTCX-G: is the parent of others, so it has no products"),
        (lambda raw: grouped(raw, tier="mid"), "XTCX-D01: its parent XTCX-G is of another tier"),
        (lambda raw: node(raw, "D01").update(parent="XTCX-G"), "XTCX-D01: parent XTCX-G is no node of the file"),
        (feeds_a_group, "XTCX-U01: feeds names XTCX-G, which is no leaf"),
        # the chain
        (lambda raw: raw.update(chain_code="XTCY"), "chain XTCY is not in schemas/codes/chain.csv"),
        (lambda raw: raw["title"].update(zh="磁材"), "the title is 稀土磁性材料 Rare-earth magnetic materials"),
        (lambda raw: raw.pop("source"), "source: Field required"),
        (lambda raw: raw.update(valid_to=2019), "XTCX: valid_to 2019 is before valid_from 2020"),
        (lambda raw: raw.update(nodes={"XTCX-U01": {}}), "nodes is a list of nodes"),
    ],
)  # fmt: skip
def test_a_model_that_is_not_well_formed_is_refused_in_one_line(
    tmp_path: Path, edit: Edit, says: str
) -> None:
    load_models(folder(tmp_path, small()))
    raw = edited(edit)
    line = refusal(lambda: load_models(folder(tmp_path, raw)))
    assert says in line
    assert line.startswith(f"{raw['chain_code']}.yml: ")


@pytest.mark.parametrize(
    ("text", "says"), [("nodes: [", "not readable as YAML"), ("- a", "not a mapping"), ("", "not a mapping")]
)
def test_a_file_that_is_not_a_mapping_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "XTCX.yml").write_text(text, encoding="utf-8")
    assert refusal(lambda: load_models(tmp_path)).startswith(f"XTCX.yml: {says}")


def test_two_files_for_one_chain_are_refused(tmp_path: Path) -> None:
    assert "XTCX1.yml: chain XTCX is in XTCX.yml already" in refusal(
        lambda: load_models(folder(tmp_path, small(), small()))
    )


def test_sums_are_taken_year_by_year(tmp_path: Path) -> None:
    """60 and 80 per cent into M01 are too much in one year, and valid in successive years."""

    def replaced(raw: dict[str, Any]) -> None:
        other = leaf("U01", "up", ["3239"], M01=80) | {"code": "XTCX-U02", "products": ["323901"]}
        node(raw, "U01")["feeds"][0]["cost_share_pct"] = 60
        raw["nodes"].append(other)

    def in_turn(raw: dict[str, Any]) -> None:
        replaced(raw)
        node(raw, "U01")["valid_to"] = 2022
        node(raw, "U02")["valid_from"] = 2023

    says = refusal(lambda: load_models(folder(tmp_path, edited(replaced))))
    assert "XTCX-M01: what feeds into it sums to 140 per cent in 2020" in says
    models = load_models(folder(tmp_path, edited(in_turn)))
    assert {e.from_node for e in models.valid(2022).edges if e.to_node == "XTCX-M01"} == {"XTCX-U01"}
    assert {e.from_node for e in models.valid(2023).edges if e.to_node == "XTCX-M01"} == {"XTCX-U02"}


def test_a_group_holds_leaves_and_is_not_a_leaf(tmp_path: Path) -> None:
    models = load_models(folder(tmp_path, edited(grouped)))
    assert [g.code for g in models.chains[0].groups] == ["XTCX-G"]
    assert "XTCX-G" not in models.by_code and models.node("XTCX-D01").parent == "XTCX-G"


NODES = ("U01", "M01", "D01", "D02")


@settings(max_examples=150)
@given(
    st.dictionaries(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), st.integers(1, 60), max_size=7)
)
def test_faults_of_the_graph_are_those_that_the_oracle_finds(
    tmp_path_factory: pytest.TempPathFactory, edges: dict[tuple[str, str], int]
) -> None:
    raw = small()
    for entry in raw["nodes"]:
        entry["feeds"] = []
    for (from_, to), share in edges.items():
        feed(raw, from_, f"XTCX-{to}", share)
    path = folder(tmp_path_factory.mktemp("models"), raw)
    graph = graph_of(path)
    faults = [
        says
        for says, wrong in (
            ("sums to", max(bought(graph).values()) > 100),
            ("feeds itself", not is_acyclic(graph)),
            ("no way over", not is_connected(graph, graph)),
        )
        if wrong
    ]
    if faults:
        assert faults[0] in refusal(lambda: load_models(path))
    else:
        assert len(load_models(path).edges) == len(edges)


# --- an installation's own chains ------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of an installation's definitions with a hydrogen chain."""
    write(tmp_path, "codes/chain.csv", "code,zh,en\nQN,氢能,Hydrogen\n")
    write(
        tmp_path,
        "codes/product.csv",
        "code,zh,en,industry_class\n261990,电解水制氢,Electrolytic hydrogen,2619\n"
        "384990,膜电极,Membrane electrodes,3849\n361290,氢能客车,Hydrogen buses,3612\n",
    )
    write(
        tmp_path,
        "chains/QN.yml",
        """
        chain_code: QN
        title: {zh: 氢能, en: Hydrogen}
        valid_from: 2022
        source: 七(二)
        nodes:
        - {code: QN-U01, title: {zh: 制氢, en: Hydrogen}, tier: up, classes: ['2619'], products: ['261990'],
           feeds: [{node: QN-M01, cost_share_pct: 10}]}
        - {code: QN-M01, title: {zh: 膜电极, en: Electrodes}, tier: mid, classes: ['3849'], products: ['384990'],
           feeds: [{node: QN-D01, cost_share_pct: 30}]}
        - {code: QN-D01, title: {zh: 氢能车, en: Buses}, tier: down, classes: ['3612'], products: ['361290'],
           fed_by: [{node: XNYQC-M06, cost_share_pct: 12.25}]}
        """,
    )
    monkeypatch.setenv(EXTRA, str(tmp_path))
    contract.reload()
    yield tmp_path
    monkeypatch.delenv(EXTRA)
    contract.reload()


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_an_installation_adds_a_chain_as_data(own: Path) -> None:
    models = load()
    assert [c.code for c in models.chains][-1] == "QN" and len(models.chains) == 11
    assert models.product_nodes["384990"] == "QN-M01"
    edge = next(e for e in models.edges if e.to_node == "QN-D01" and e.from_node == "XNYQC-M06")
    assert edge.cost_share_pct == Decimal("12.25")
    assert "QN-M01" not in models.valid(2021).by_code


@pytest.mark.parametrize(
    ("name", "line", "says"),
    [
        ("codes/product.csv", "398501,磁,Magnet,3985\n", "398501 is in schemas/codes/product.csv already"),
        ("codes/product.csv", "384991,膜电极,Electrodes,3849\n", "384991: 膜电极 is 384990 already"),
        ("codes/product.csv", "384991,膜,,3849\n", "384991 needs a title in zh and in en"),
        ("codes/product.csv", "384991,膜,Membrane,3850\n", "384991: unknown class 3850"),
        (
            "codes/product.csv",
            "384991,膜,Membrane,3841\n",
            "384991: a product's code is its class 3841 and two digits",
        ),
        ("codes/chain.csv", "DK,低空,Low altitude\n", "chain DK of schemas/codes/chain.csv has no model"),
    ],
)
def test_a_fault_in_an_installations_definitions_is_refused_in_one_line(
    own: Path, name: str, line: str, says: str
) -> None:
    with (own / name).open("a", encoding="utf-8") as file:
        file.write(line)
    contract.reload()
    from jobs.chain.rules import models

    models._loaded.cache_clear()
    try:
        assert says in refusal(load)
    finally:
        models._loaded.cache_clear()


def test_an_installation_cannot_redefine_a_closed_code_list(own: Path) -> None:
    write(own, "codes/grade.csv", "code,zh,en\nE,E,E\n")
    with pytest.raises(ContractError, match=r"there is schemas/codes/grade\.csv already"):
        code_list("grade")


def test_a_chain_of_the_code_list_without_a_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.chain.rules import models

    monkeypatch.setattr(models, "MODELS", folder(tmp_path, small()))
    with pytest.raises(RejectedError, match=r"chain GDMJ of schemas/codes/chain\.csv has no model"):
        load()
