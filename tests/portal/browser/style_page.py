"""A page with every macro once, and a server for it under the policy that the portal sends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, FileSystemLoader
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from portal.web import drawing, look
from portal.web.numbers import Missing
from warehouse.settings import CHECKOUT

POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
DISTRICTS = [
    ("330282", "慈溪", "Cixi", 41),
    ("330211", "镇海", "Zhenhai", 52),
    ("330281", "余姚", "Yuyao", 36),
    ("330205", "江北", "Jiangbei", 44),
    ("330206", "北仑", "Beilun", 61),
    ("330203", "海曙", "Haishu", 39),
    ("330212", "鄞州", "Yinzhou", 47),
    ("330213", "奉化", "Fenghua", 28),
    ("330225", "象山", "Xiangshan", None),
    ("330226", "宁海", "Ninghai", 30),
]
NAMES = [
    "宁波甬江精密机械有限公司",
    "慈溪市逍林电器股份有限公司（原慈溪逍林五金厂）",
    "余姚塑料城新材料有限公司",
    "北仑石化装备有限公司",
]


def app(**changed: Any) -> Starlette:
    """The style page at /zh/style and /en/style; ``changed`` replaces parts of its context."""
    made = look.environment().overlay(
        loader=ChoiceLoader([look.environment().loader, FileSystemLoader(CHECKOUT / "tests/portal/browser")])  # type: ignore[list-item]
    )

    def page(request: Request) -> Response:
        made_context = {**context(request.path_params["lang"], dict(request.query_params)), **changed}
        html = made.get_template("style.html").render(made_context)
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    def evidence(request: Request) -> Response:
        html = '<main><div class="evidence"><p>gov_tax.csv:12</p></div></main>'
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    return Starlette(
        routes=[
            Route("/{lang}/style", page),
            Route("/{lang}/evidence", evidence),
            Mount("/static", StaticFiles(directory=look.STATIC)),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=500)],
    )


def context(lang: str, query: dict[str, str]) -> dict[str, Any]:
    """What a page's context always has, and what the style page shows."""

    def t(zh: str, en: str) -> str:
        return zh if lang == "zh" else en

    def url(path: str, **asked: str) -> str:
        return f"/{lang}{path}" + (f"?{urlencode(asked)}" if asked else "")

    def here(**asked: str | None) -> str:
        return url("/style", **{k: v for k, v in {**query, **asked}.items() if v is not None})

    other = "en" if lang == "zh" else "zh"
    return {
        "lang": lang,
        "t": t,
        "url": url,
        "here": here,
        "nav": "per_mu",
        "csrf_token": "token",
        "messages": [("done", t("已保存。", "Saved."))],
        "viewer": SimpleNamespace(name="cixi-clerk", role="district", is_visitor=False),
        "is_synthetic": True,
        "today_words": t("演示日 2025-07-01", "its day is 2025-07-01"),
        "release": SimpleNamespace(
            number=11,
            created_at="2026-11-29T11:08:54+00:00",
            data_to="2024-12",
            gate=t("闸门通过", "gate passed"),
            is_latest=False,
        ),
        "latest": f"/{lang}/style",
        "other_language": f"/{other}/style?{urlencode(query)}",
        "api_url": "/api/v1/tables",
        "sort": query.get("sort", "-score"),
        "grade_chosen": query.get("grade"),
        "output": 24612345,
        "districts": [(code, t(zh, en)) for code, zh, en, _ in DISTRICTS],
        "tile_items": tiles(lang),
        "by_district": by_district(lang),
        "rows": rows(query, t),
        "charts": charts(t),
        "row_href": lambda row: url("/style", firm=str(row["rank"])),
    }


def tiles(lang: str) -> list[dict[str, Any]]:
    steps = list(drawing.steps([value for *_, value in DISTRICTS]))
    return [
        {
            "name": zh if lang == "zh" else en,
            "column": drawing.TILES[code][0],
            "row": drawing.TILES[code][1],
            "step": step,
            "text": "—" if value is None else f"{value}.0",
            "href": f"/{lang}/style?district={code}",
            "is_chosen": code == "330282",
        }
        for (code, zh, en, value), step in zip(DISTRICTS, steps, strict=True)
    ]


def by_district(lang: str) -> list[dict[str, Any]]:
    found = []
    for i, (_, zh, en, _) in enumerate(DISTRICTS):
        counts = {"A": 120 + 9 * i, "B": 340 - 11 * i, "C": 150 + 20 * i, "D": 12 + 7 * i}
        found.append(
            {
                "name": zh if lang == "zh" else en,
                "firms": sum(counts.values()),
                "grades": [(letter, count, f"{letter} {count}") for letter, count in counts.items()],
                "spoken": ", ".join(f"{letter} {count}" for letter, count in counts.items()),
            }
        )
    return found


def rows(query: dict[str, str], t: Any) -> list[dict[str, Any]]:
    scores, taxes = (
        [101.2, 96.45, 72.0, 40.125],
        [31.264, 28.1, Missing(t("2024年土地记录未报送", "land of 2024 was not sent")), 3.02],
    )
    changes, grades, before = [12.5, -3.25, 0, None], ["A", "B", "C", "D"], ["B", "B", None, "C"]
    found = [
        {
            "rank": i + 1,
            "name": NAMES[i],
            "score": scores[i],
            "parts": 90 - 20 * i,
            "tax": taxes[i],
            "change": changes[i],
            "grade": grades[i],
            "before": before[i],
        }
        for i in range(4)
    ]
    if wanted := query.get("grade"):
        found = [row for row in found if row["grade"] == wanted]
    return found if query.get("sort") != "score" else found[::-1]


def charts(t: Any) -> list[dict[str, Any]]:
    """One of each kind of chart that the pages use."""
    bands = ["<40", "40–60", "60–80", "80–100", ">100"]
    counts = [
        {"value": v, "itemStyle": {"color": f"var(--grade-{g})"}}
        for v, g in zip([90, 210, 480, 340, 160], "dcbba", strict=True)
    ]
    years = ["2020", "2021", "2022", "2023", "2024"]
    nodes = [{"name": f"2023 {g}", "itemStyle": {"color": f"var(--grade-{g.lower()})"}} for g in "ABCD"]
    nodes += [{"name": f"2024 {g}", "itemStyle": {"color": f"var(--grade-{g.lower()})"}} for g in "ABCD"]
    flows = [
        ("A", "A", 90),
        ("A", "B", 30),
        ("B", "A", 40),
        ("B", "B", 300),
        ("B", "C", 50),
        ("C", "B", 30),
        ("C", "C", 120),
        ("D", "C", 15),
        ("D", "D", 20),
    ]
    radar = [
        t("创新", "Innovation"),
        t("效益", "Returns"),
        t("成长", "Growth"),
        t("绿色", "Green"),
        t("信用", "Credit"),
        t("链上", "Chain"),
        t("人才", "People"),
        t("市场", "Market"),
    ]
    parts = [
        ("M01", t("原料", "Raw"), 0, 40),
        ("M02", t("模具", "Moulds"), 260, 0),
        ("M03", t("注塑", "Moulding"), 260, 90),
        ("M04", t("整机", "Appliances"), 520, 40),
    ]
    table = [{"name": band, "value": count["value"]} for band, count in zip(bands, counts, strict=True)]
    return [
        {
            "id": "scores",
            "title": t("综合得分分布", "Distribution of scores"),
            "note": t("2024，家", "2024, firms"),
            "size": "",
            "rows": table,
            "option": {
                "tooltip": {"trigger": "axis"},
                "xAxis": {"type": "category", "data": bands},
                "yAxis": {"type": "value"},
                "series": [{"type": "bar", "data": counts, "label": {"show": True, "position": "top"}}],
            },
        },
        {
            "id": "trend",
            "title": t("规上工业增加值", "Value added"),
            "note": t("亿元", "10⁸ CNY"),
            "size": "",
            "rows": table,
            "option": {
                "tooltip": {"trigger": "axis"},
                "xAxis": {"type": "category", "data": years},
                "yAxis": {"type": "value"},
                "legend": {},
                "series": [
                    {"type": "line", "name": t("慈溪", "Cixi"), "data": [1020, 1130, 1180, 1290, 1340]},
                    {"type": "line", "name": t("余姚", "Yuyao"), "data": [830, 880, None, 960, 1010]},
                ],
            },
        },
        {
            "id": "moves",
            "title": t("等级升降", "Movement of grades"),
            "note": "2023 → 2024",
            "size": "",
            "rows": table,
            "option": {
                "tooltip": {},
                "series": [
                    {
                        "type": "sankey",
                        "data": nodes,
                        "nodeAlign": "left",
                        "links": [
                            {"source": f"2023 {a}", "target": f"2024 {b}", "value": v} for a, b, v in flows
                        ],
                    }
                ],
            },
        },
        {
            "id": "radar",
            "title": t("八项得分", "Eight scores"),
            "note": t("本企业与同行中位数", "the firm and its peers' median"),
            "size": "",
            "rows": table,
            "option": {
                "legend": {},
                "radar": {
                    "indicator": [{"name": name, "max": 100} for name in radar],
                    "center": ["50%", "55%"],
                    "radius": "62%",
                },
                "series": [
                    {
                        "type": "radar",
                        "data": [
                            {"name": t("本企业", "Firm"), "value": [82, 71, 60, 90, 95, 40, 55, 73]},
                            {"name": t("同行", "Peers"), "value": [55, 60, 58, 70, 88, 50, 52, 60]},
                        ],
                    }
                ],
            },
        },
        {
            "id": "chain",
            "title": t("产业链", "Chain"),
            "note": t("智能家电", "home appliances"),
            "size": "",
            "rows": table,
            "option": {
                "series": [
                    {
                        "type": "graph",
                        "layout": "none",
                        "symbol": "rect",
                        "symbolSize": [96, 32],
                        "edgeSymbol": ["none", "arrow"],
                        "left": 60,
                        "right": 60,
                        "label": {"show": True, "color": "var(--on-accent)"},
                        "itemStyle": {"color": "var(--accent)"},
                        "data": [
                            {
                                "name": code,
                                "x": x,
                                "y": y,
                                "label": {"formatter": name},
                                "href": "?node=" + code,
                            }
                            for code, name, x, y in parts
                        ],
                        "links": [
                            {"source": "M01", "target": "M02"},
                            {"source": "M01", "target": "M03"},
                            {"source": "M02", "target": "M04"},
                            {"source": "M03", "target": "M04"},
                        ],
                    }
                ]
            },
        },
        {
            "id": "land",
            "title": t("用地构成", "Use of land"),
            "note": t("亩", "mu"),
            "size": "low",
            "rows": table,
            "option": {
                "series": [
                    {
                        "type": "treemap",
                        "roam": False,
                        "nodeClick": False,
                        "data": [
                            {"name": band, "value": row["value"]}
                            for band, row in zip(bands, table, strict=True)
                        ],
                    }
                ]
            },
        },
    ]
