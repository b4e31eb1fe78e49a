"""The sheet in words: titles, sentences and tables, the same for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from portal.card.sheet import Adjustment, Card, Lift, Named, Profile, Section


@dataclass(frozen=True)
class Bar:
    """A percentage that is drawn."""

    pct: Decimal | None


@dataclass(frozen=True)
class Term:
    """A term in Chinese, and in English where there is room."""

    zh: str
    en: str


Cell = str | Bar | Term


@dataclass(frozen=True)
class Heading:
    """A column's title; figures stand to the right."""

    text: str
    is_figure: bool = False


@dataclass(frozen=True)
class Block:
    """A part of the sheet: sentences, a table, remarks below it."""

    section: Section
    title: str
    lines: tuple[str, ...] = ()
    headings: tuple[Heading, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    remarks: tuple[str, ...] = ()
    #: Rows may stand side by side on a screen, without the headings.
    is_short: bool = False


def title(card: Card, with_label: bool = True) -> str:
    parts = ["企业画像卡 Enterprise sheet", f"{card.year} 年度", f"版本 release {card.release}"]
    return " · ".join([*parts, card.synthetic] if card.synthetic and with_label else parts)


def as_of(card: Card) -> str:
    """The time of what the sheet says."""
    parts = [f"数据时点 as of {card.period}"]
    if card.known_at:
        parts.append(f"据 {card.known_at} 前收到的数据 from data received by then")
    if not card.is_latest_year:
        parts.append("非最新年度 not the latest year")
    return " · ".join(parts)


def who(card: Card) -> tuple[str, ...]:
    """Who the firm is beside name and code, in lines."""
    w = card.who
    size = "规上 above scale" if w.is_above_scale else "规下 below scale"
    sizes = [size, str(w.size)] if w.size else [size]
    if w.directory_change.code in ("new", "upgraded", "dropped"):
        sizes.append(str(w.directory_change))
    industry = f"{w.industry.code} {w.industry}" if w.industry else "行业不详 industry unknown"
    place = [str(w.district), str(w.zone)] if w.zone else [str(w.district)]
    born = f"成立 since {w.registered_date}" if w.registered_date else "成立日期不详 date unknown"
    age = f"（{w.age_years} 年）" if w.age_years is not None else ""
    state = f"登记 {w.registration}" if w.registration else "登记状态不详 status unknown"
    lines = [
        " · ".join([*place, *sizes, industry]),
        " · ".join([state, born + age, _land(card)]),
    ]
    odd = [*w.identity_flags, *([f"原名 formerly {w.former_name}"] if w.former_name else [])]
    return (*lines, " · ".join(odd)) if odd else tuple(lines)


def _land(card: Card) -> str:
    w = card.who
    if w.land_area_mu is None:
        return "用地 land: 无记录 not on record"
    kinds = {"自有 own": w.land_own_mu, "租入 leased": w.land_lease_mu, "出租 let": w.land_let_mu}
    parts = [f"{zh} {amount(mu)}" for zh, mu in kinds.items() if mu]
    return f"用地 land: {amount(w.land_area_mu)} 亩" + (f"（{'，'.join(parts)}）" if parts else "")


def blocks(card: Card) -> Iterator[Block]:
    """The parts of the sheet that the release has tables for, from the grade on."""
    yield _grade(card)
    yield _trend(card)
    if card.lift:
        yield _lift(card, card.lift)
    if card.positions is not None:
        yield _chain(card)
    if "score" not in card.left_out:
        yield _score(card)
    if card.tags is not None:
        yield _tags(card)


def left_out(card: Card) -> str:
    """The parts for which the release has no tables."""
    names = {
        "chain": "产业链 chains",
        "profile": "画像 profile",
        "tags": "标签 tags",
        "score": "综合评价 score",
    }
    gone = [names[section] for section in card.left_out]
    return f"版本 release {card.release} 无此栏 does not have: {'、'.join(gone)}" if gone else ""


# --- grade ---------------------------------------------------------------------------------------------


def _grade(card: Card) -> Block:
    heading = f"亩均评价 Per-mu grade {card.year}"
    s, g = card.standing, card.grade
    if s is None:
        return Block("grade", heading, (card.notes["grade"],))
    rules = f"规则 rules: {s.rule_set_title or ''} {s.rule_set_id or '无 none'}" + (
        f" · 状态 status: {g.status}" if g else ""
    )
    if g is None:
        until = f" · 至 until {s.protected_until}" if s.protected_until else ""
        reasons = "；".join(s.reasons) or "无说明 no reason on record"
        return Block(
            "grade",
            heading,
            (f"无等级 no grade: {s.status} · {s.list}", f"原因 why: {reasons}{until}", rules),
        )
    points = f"{score(g.indicator_score)} + 加分 {score(g.bonus_points)} − 扣分 {score(g.penalty_points)}"
    lines = [
        f"{g.final.code} {g.final}（初评 initial {g.initial.code}） · 总分 total {score(g.total_score)} = {points}",
        _place(card),
        f"理由 why: {'；'.join(g.reasons) or '按名次与比例 by place and quota'}"
        + (f" · {'；'.join(s.reasons)}" if s.reasons else ""),
        rules,
    ]
    if not s.is_own:
        lines.insert(1, f"{s.role}: {s.unit_name or ''} {s.unit_uscc}")
    return Block("grade", heading, tuple(lines))


def _place(card: Card) -> str:
    g, s = card.grade, card.standing
    assert g is not None and s is not None
    whose = "" if s.is_own else "宗地主 holder's: "
    parts = []
    if g.rank:
        tie = "（同分 tied）" if g.is_tie else ""
        ahead = f"，高于 ahead of {number(g.percentile_pct)}%"
        parts.append(
            f"{whose}{s.list.zh if s.is_own else '榜内'}第 {g.rank:,}/{g.list_size:,} 名{tie}{ahead}"
        )
    if g.rank_in_district:
        parts.append(f"全区 district 第 {g.rank_in_district:,}")
    if g.city_rank and g.city_size:
        parts.append(f"全市测算 city estimate 第 {g.city_rank:,}/{g.city_size:,}")
    return " · ".join(parts) or "无名次 no place"


# --- five years ----------------------------------------------------------------------------------------


def _trend(card: Card) -> Block:
    headings = (
        Heading("年 year"),
        Heading("产值 output", True),
        Heading("增加值 added", True),
        Heading("税收 tax", True),
        Heading("亩均税收 tax/mu", True),
        Heading("总分 total", True),
        Heading("名次 place", True),
        Heading("等级 grade"),
    )
    rows = tuple(
        (
            y.year,
            amount(y.output_wan_yuan),
            amount(y.value_added_wan_yuan),
            amount(y.tax_wan_yuan),
            amount(y.tax_per_mu_wan_yuan),
            score(y.total_score) if y.total_score is not None else MISSING,
            f"{y.rank:,}/{y.list_size:,}" if y.rank and y.list_size else MISSING,
            y.grade or (y.status.zh if y.status else MISSING),
        )
        for y in card.trend
    )
    gaps = []
    if card.who.missing_feeds:
        gaps.append(f"缺 lacking: {'、'.join(card.who.missing_feeds)}")
    if card.who.quarantined_feeds:
        gaps.append(f"隔离 in quarantine: {'、'.join(card.who.quarantined_feeds)}")
    remarks = (f"{card.year} " + " · ".join(gaps),) if gaps else ()
    return Block("trend", "近五年 Five years（万元 10⁴ yuan）", headings=headings, rows=rows, remarks=remarks)


# --- what would lift it --------------------------------------------------------------------------------


def _lift(card: Card, lift: Lift) -> Block:
    headings = (
        Heading("指标 indicator"),
        Heading("值 value", True),
        Heading("基准 base", True),
        Heading("单位 unit"),
        Heading("权重 of", True),
        Heading("得分 score", True),
        Heading("差分 lacks", True),
        Heading(""),
    )
    rows = tuple(
        (
            Term(f"{i.indicator.code} {i.indicator.zh}", i.indicator.en),
            number(i.value),
            number(i.baseline),
            i.unit,
            number(i.weight),
            score(i.score),
            score(i.points_missing) if i.points_missing else "–",
            i.note.zh if i.note else "",
        )
        for i in lift.indicators
    )
    remarks = [_next(lift, card)]
    if lift.vetoes:
        remarks.append(f"否决 veto: {'；'.join(_veto(card, veto) for veto in lift.vetoes)}")
    if "lift" in card.notes:
        remarks.append(card.notes["lift"])
    if lift.others:
        remarks.append(f"加减分与保护 points and protections: {'；'.join(a.reason for a in lift.others)}")
    return Block("lift", "提升空间 What would lift it", headings=headings, rows=rows, remarks=tuple(remarks))


def _veto(card: Card, veto: Adjustment) -> str:
    whose = "" if veto.uscc == card.uscc else f"{veto.uscc} "
    return f"{whose}{veto.reason}" + (f"（{veto.document}）" if veto.document else "")


def _next(lift: Lift, card: Card) -> str:
    assert card.grade is not None
    if lift.next_grade is None:
        return "已是最高等级 already in the highest grade"
    grade = lift.next_grade.code
    if lift.last_total is None or lift.points_missing is None:
        return f"榜内无按名次列 {grade} 类者 no unit of the list is in {grade} by its place"
    edge = f"{grade} 类末位总分 last total {score(lift.last_total)}"
    if lift.points_missing > 0:
        return f"距 to grade {grade}: 还差 {score(lift.points_missing)} 分 points · {edge}"
    if lift.vetoes:
        return f"总分已够 the total is enough for {grade}: {edge}，被否决 held down by veto"
    return f"总分不低于 the total is not below {grade}: {edge}，名次之外另有原因 not a matter of points"


# --- chains, score, tags -------------------------------------------------------------------------------


def _chain(card: Card) -> Block:
    positions = card.positions or ()
    remarks = (card.notes["chain"],) if "chain" in card.notes else ()
    headings = (
        Heading("链 chain"),
        Heading("环节 node"),
        Heading("占企业 share", True),
        Heading("置信 conf.", True),
        Heading("依据 evidence"),
        Heading("环节状态 state"),
    )
    if not [p for p in positions if not p.is_out]:
        return Block("chain", "产业链位置 Places in chains", lines=remarks)
    rows = tuple(
        (
            p.chain.zh,
            p.node.zh if p.is_out else f"{p.node.code} {p.node.zh}",
            f"{number(p.share * 100)}%",
            MISSING if p.is_out else f"{number(p.confidence * 100)}%" + ("" if p.is_confirmed else " 未确认"),
            "" if p.is_out else "、".join(p.reasons),
            _state(p.state, p.state_reasons),
        )
        for p in positions
    )
    overrides = {p.override_reason for p in positions if p.override_reason}
    told = tuple(f"人工认定 decided by people: {reason}" for reason in sorted(overrides))
    return Block(
        "chain", "产业链位置 Places in chains", headings=headings, rows=rows, remarks=(*remarks, *told)
    )


def _state(state: Named | None, reasons: Sequence[str]) -> Cell:
    if state is None:
        return ""
    return Term(state.zh + (f"（{reasons[0]}）" if reasons else ""), state.en)


def _score(card: Card) -> Block:
    heading = "综合评价 Comprehensive score"
    c = card.score
    noted = (card.notes["score"],) if "score" in card.notes else ()
    if c is None:
        return Block("score", heading, noted)
    parts = []
    if c.total is not None:
        by = f"，主因 mostly {c.moved_by.zh} {signed(c.moved_part)}" if c.moved_by and c.moved_part else ""
        change = f"（较上年 change {signed(c.change)}{by}）" if c.change is not None else ""
        parts.append(f"总分 total {number(c.total)}{change}")
    if c.rank and c.peer_count:
        parts.append(f"同组 peers 第 {c.rank:,}/{c.peer_count:,}，不低于 ≥ {number(c.percentile_pct)}%")
    if c.city_rank and c.city_size:
        parts.append(f"全市 city 第 {c.city_rank:,}/{c.city_size:,}")
    rows = tuple((f"{d.of.zh} {d.of.en}", Bar(d.pct), f"{number(d.pct)}") for d in c.dimensions)
    weakest = "，".join(f"{p.of.zh} {number(p.pct)}%" for p in c.weakest)
    return Block(
        "score",
        f"{heading} {c.period}：同组 peers {c.peers}",
        (*noted, *([" · ".join(parts)] if parts else [])),
        (Heading("维度 dimension"), Heading("同组百分位 among peers"), Heading("得分 score", True)),
        rows,
        (f"落后指标 furthest behind: {weakest}",) if weakest else (),
        is_short=True,
    )


def signed(value: Decimal) -> str:
    """
    >>> signed(Decimal("1.5")), signed(Decimal(-2))
    ('+1.5', '-2')
    """
    return f"+{number(value)}" if value > 0 else number(value)


def _risk(profile: Profile) -> str:
    parts = []
    if profile.risk:
        why = f"（{'、'.join(profile.risk_reasons)}）" if profile.risk_reasons else ""
        parts.append(f"风险 risk: {profile.risk}{why}")
    if profile.trend:
        parts.append(f"走势 trend: {profile.trend}")
    if profile.completeness is not None:
        parts.append(f"画像完整度 completeness {number(profile.completeness * 100)}%")
    return " · ".join(parts)


def _tags(card: Card) -> Block:
    """Profile and tags: trend and risk stand above the tags."""
    lines = []
    if card.profile:
        lines.append(_risk(card.profile))
    if "tags" in card.notes:
        lines.append(card.notes["tags"])
    rows = tuple((t.tag.zh, "，".join(t.evidence)) for t in card.tags or ())
    period = f" {card.period}" if card.period != card.year else ""
    return Block(
        "tags",
        f"标签 Tags{period}",
        tuple(lines),
        (Heading("标签 tag"), Heading("依据 evidence")),
        rows,
        is_short=True,
    )


# --- figures -------------------------------------------------------------------------------------------

#: Where there is no figure.
MISSING = "–"


def amount(value: Decimal | None) -> str:
    """An amount for reading: whole above a thousand, else two digits; missing is a dash.

    >>> amount(Decimal("12345.678")), amount(Decimal("12.5")), amount(None)
    ('12,346', '12.5', '–')
    """
    if value is None:
        return MISSING
    if abs(value) >= 1000:
        return f"{value.quantize(Decimal(1), ROUND_HALF_UP):,}"
    return number(value)


def number(value: Decimal | None) -> str:
    """Two digits, below one four, and below that two that say something.

    >>> number(Decimal("1.2345")), number(Decimal("0.02641")), number(Decimal("0.0000126")), number(Decimal(0))
    ('1.23', '0.0264', '0.000013', '0')
    """
    if value is None:
        return MISSING
    step = Decimal("0.01") if abs(value) >= 1 else Decimal("0.0001")
    if 0 < abs(value) < step:
        step = Decimal(1).scaleb(value.adjusted() - 1)
    text = f"{value.quantize(step, ROUND_HALF_UP):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def score(value: Decimal) -> str:
    """Points with two digits.

    >>> score(Decimal("101.2"))
    '101.20'
    """
    return f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"
