"""Lines above and below the blocks: the sheet's title, the firm's identity, the date of the data, missing sections."""

from __future__ import annotations

from portal.card.sheet import Card
from portal.card.words.figures import amount
from portal.queries.successor import Successor


def title(card: Card, with_label: bool = True) -> str:
    parts = ["企业画像卡 Enterprise sheet", f"{card.year} 年度", f"版本 release {card.release}"]
    return " · ".join([*parts, card.synthetic] if card.synthetic and with_label else parts)


def as_of(card: Card) -> str:
    """The period of the sheet's data, and the day by which it was received."""
    parts = [f"数据时点 as of {card.period}"]
    if card.known_at:
        parts.append(f"据 {card.known_at} 前收到的数据 from data received by then")
    if not card.is_latest_year:
        parts.append("非最新年度 not the latest year")
    return " · ".join(parts)


def who(card: Card) -> tuple[str, ...]:
    """Lines about the firm, without its name and code."""
    w = card.who
    size = "规上 above scale" if w.is_above_scale else "规下 below scale"
    sizes = [size, str(w.size)] if w.size else [size]
    if w.directory_change.code in ("new", "upgraded", "dropped"):
        sizes.append(str(w.directory_change))
    industry = f"{w.industry.code} {w.industry}" if w.industry else "行业不详 industry unknown"
    place = [str(part) for part in (w.district, w.town, w.zone) if part]
    founded = f"成立 founded {w.registered_date}" if w.registered_date else "成立日期不详 date unknown"
    age = f"（{w.age_years} 年）" if w.age_years is not None else ""
    state = f"登记 {w.registration}" if w.registration else "登记状态不详 status unknown"
    lines = [
        " · ".join([*place, *sizes, industry]),
        " · ".join([state, founded + age, _land(card)]),
    ]
    changes = [*map(str, w.identity_flags), *([f"曾用名 formerly {w.former_name}"] if w.former_name else [])]
    if changes:
        lines.append(" · ".join(changes))
    if card.found_by:
        lines.append(f"查得于 found by: {card.found_by}")
    if w.successor:
        lines.append(_successor(w.successor))
    return tuple(lines)


def _successor(successor: Successor) -> str:
    """Whose the firm is now, and by which change."""
    day = f" {successor.changed_on}" if successor.changed_on else ""
    document = f"（{successor.document}）" if successor.document else ""
    change = f"{successor.change or '承继 succession'}{day}{document}"
    if successor.claimants:
        return f"{change} 归属有争议 in dispute: {'、'.join(successor.claimants)}"
    return f"{change} 现属 now {successor.uscc} {successor.name or ''}"


def _land(card: Card) -> str:
    w = card.who
    if w.land_area_mu is None:
        return "用地 land: 无记录 not on record"
    kinds = {"自有 own": w.land_own_mu, "租入 leased": w.land_lease_mu, "出租 let": w.land_let_mu}
    parts = [f"{zh} {amount(mu)}" for zh, mu in kinds.items() if mu]
    return f"用地 land: {amount(w.land_area_mu)} 亩" + (f"（{'，'.join(parts)}）" if parts else "")


def left_out(card: Card) -> str:
    """The sections for which the release has no tables."""
    names = {
        "chain": "产业链 chains",
        "profile": "画像 profile",
        "tags": "标签 tags",
        "score": "综合评价 score",
    }
    missing = [names[section] for section in card.left_out]
    return f"版本 release {card.release} 不含 does not include: {'、'.join(missing)}" if missing else ""
