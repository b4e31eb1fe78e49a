"""A chain as a graph: three columns of nodes from upstream to downstream, and the purchases between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt
from typing import Any

from portal.queries.chains import Node, State
from portal.queries.trade import Flow
from portal.web.frame import Frame

#: Height of all columns; a node's place is a part of it.
HEIGHT = 100
#: How far a line within a column bulges, as a part of the height.
BULGE = 13.5
PHONE = 560
#: Thinnest and thickest line in pixels.
LINES = (0.75, 7)


@dataclass(frozen=True)
class Size:
    """Narrowest and widest box and their height in pixels; half of the narrowest as a part of a column's width."""

    narrowest: int
    widest: int
    height: int
    half: float


#: On a screen, and in a picture narrower than ``PHONE`` pixels.
SIZES = (Size(152, 220, 36, 0.29), Size(92, 112, 34, 0.39))


@dataclass(frozen=True)
class Mark:
    """How a state is told without colour: a sign, and the border; ``tone`` is a colour of the theme."""

    sign: str
    tone: str
    border: str
    width: int
    radius: int = 0


MARKS: Mapping[str, Mark] = {
    "strong": Mark("▲", "good", "solid", 4),
    "normal": Mark("○", "edge", "solid", 1),
    "weak": Mark("▽", "warn", "dashed", 2),
    "single_point": Mark("◆", "accent", "solid", 2, 10),
    "missing": Mark("✕", "bad", "dotted", 2),
    "no_output": Mark("—", "dim", "dashed", 1),
    "not_covered": Mark("·", "dim", "dotted", 1),
}


def option(
    frame: Frame,
    nodes: Sequence[Node],
    states: Mapping[str, State],
    flows: Sequence[Flow],
    chosen: str,
    href: Callable[[str], str],
) -> dict[str, Any]:
    """The graph as an option of ECharts; on a phone its rectangles are smaller."""
    columns = [list(column) for _, column in groupby(nodes, key=lambda node: node.tier.code)]
    most = max((float(state.output_wan_yuan or 0) for state in states.values()), default=0.0)

    def items(size: Size) -> list[dict[str, Any]]:
        boxes = [
            {
                **_item(frame, node, states[node.node.code]),
                **_box(states[node.node.code], most, size),
                "value": [x, y],
                "href": href(node.node.code),
                **({"selected": True} if node.node.code == chosen else {}),
            }
            for x, column in enumerate(columns)
            for node, y in zip(column, _places(len(column)), strict=True)
        ]
        return [*boxes, *(side for box in boxes for side in _sides(box, size))]

    label = {
        "overflow": "truncate",
        "align": "center",
        "verticalAlign": "middle",
        "fontSize": 12,
        "lineHeight": 15,
    }
    faint = (0.15, 0.08) if chosen else (0.35, 0.18)
    series = {
        "type": "graph",
        "symbol": "rect",
        "coordinateSystem": "cartesian2d",
        "xAxisIndex": 1,
        "selectedMode": "single",
        "select": {"label": {"backgroundColor": "var(--tint)", "borderWidth": 3}},
        "tooltip": {"formatter": "{b}"},
        "categories": [_category(mark) for mark in MARKS.values()],
        "label": label,
        "links": list(_links(columns, flows, chosen)),
        "lineStyle": {"opacity": faint[0]},
        "data": items(SIZES[0]),
    }
    small = {
        "label": {"fontSize": 10, "lineHeight": 13},
        "lineStyle": {"opacity": faint[1]},
        "data": items(SIZES[1]),
    }
    return {
        **_axes([frame.name(column[0].tier) for column in columns]),
        "tooltip": {"trigger": "item"},
        "series": [{"id": "nodes", **series}],
        "media": [{"query": {"maxWidth": PHONE}, "option": {"series": [{"id": "nodes", **small}]}}],
    }


def _axes(tiers: Sequence[str]) -> dict[str, Any]:
    """A column for each tier; the second axis is for places between the columns' centres."""
    return {
        "grid": {"left": 0, "right": 0, "top": 28, "bottom": 4},
        "xAxis": [
            {"type": "category", "position": "top", "data": list(tiers), "axisLine": {"show": False}},
            {"type": "value", "show": False, "min": -0.5, "max": len(tiers) - 0.5},
        ],
        "yAxis": {"show": False, "min": 0, "max": HEIGHT, "inverse": True},
    }


def _category(mark: Mark) -> dict[str, Any]:
    """The look of a state. The label has the box: borders of a symbol are stretched with it."""
    return {
        "itemStyle": {"color": "var(--ground)"},
        "label": {
            "show": True,
            "backgroundColor": "var(--ground)",
            "borderColor": f"var(--{mark.tone})",
            "borderType": mark.border,
            "borderWidth": mark.width,
            "borderRadius": mark.radius,
        },
    }


def _sides(box: Mapping[str, Any], size: Size) -> Iterator[dict[str, Any]]:
    """Where lines begin and end, beside the narrowest box: between the centres they would cross other boxes."""
    x, y = box["value"]
    for name, side in ((f"{box['id']}<", -1), (f"{box['id']}>", 1)):
        yield {"id": name, "value": [round(x + side * size.half, 3), y], "symbolSize": 0}


def _places(number: int) -> list[float]:
    """
    >>> _places(2)
    [25.0, 75.0]
    """
    return [round((i + 0.5) * HEIGHT / number, 2) for i in range(number)]


def _box(state: State, most: float, size: Size) -> dict[str, Any]:
    """A rectangle whose width is the output on top of the narrowest, in which the name has room."""
    share = float(state.output_wan_yuan or 0) / most if most else 0.0
    width = round(size.narrowest + share * (size.widest - size.narrowest))
    return {"symbolSize": [width, size.height], "label": {"width": width, "height": size.height}}


def _item(frame: Frame, node: Node, state: State) -> dict[str, Any]:
    """A node with its name, and below it the state in words and the local supply rate."""
    mark, words, supply = MARKS[state.state.code], _plain(frame.name(state.state)), state.local_supply_pct
    if supply is not None:
        words = frame.t(f"{words} {supply:.0f}%", f"{supply:.0f}% {words}")
    return {
        "id": node.node.code,
        "name": f"{_plain(frame.name(node.node))}\n{mark.sign} {words}",
        "category": list(MARKS).index(state.state.code),
    }


def _plain(text: str) -> str:
    """A text without the braces and bars by which ECharts would recognise its own marks."""
    return text.translate(str.maketrans("{}|", "（）/"))


def _links(columns: Sequence[Sequence[Node]], flows: Sequence[Flow], chosen: str) -> Iterator[dict[str, Any]]:
    """Purchases as lines, as thick as their amount; dotted if only the model has them, accented at the chosen node."""
    place = {
        node.node.code: (x, y)
        for x, column in enumerate(columns)
        for node, y in zip(column, _places(len(column)), strict=True)
    }
    bought = {(flow.seller.code, flow.buyer.code): float(flow.total_wan_yuan) for flow in flows}
    model = {
        (node.node.code, fed.code): 0.0
        for column in columns
        for node in column
        for fed in node.feeds
        if fed.code in place
    }
    most = max(bought.values(), default=0.0)
    thin, thick = LINES
    for (seller, buyer), amount in {**model, **bought}.items():
        if seller == buyer:
            continue
        style: dict[str, Any] = {
            "width": round(thin + (thick - thin) * sqrt(amount / most), 2) if amount else thin
        }
        (from_x, from_y), (to_x, to_y) = place[seller], place[buyer]
        is_beside = from_x == to_x
        if is_beside:
            style |= {"curveness": _bend(to_y - from_y)}
        if not amount:
            style |= {"type": "dotted"}
        if chosen in (seller, buyer):
            style |= {"opacity": 0.9, "color": "var(--accent)"}
        side = ">" if is_beside or to_x < from_x else "<"
        yield {
            "source": f"{seller}>",
            "target": f"{buyer}{side}",
            "lineStyle": style,
            "tooltip": {"show": False},
        }


def _bend(down: float) -> float:
    """Curvature of a line within a column, which bulges to the right by about the same width however long it is.

    >>> _bend(10), _bend(-50)
    (0.45, -0.27)
    """
    return round(min(0.45, BULGE / abs(down)) * (1 if down > 0 else -1), 3)
