"""企业 Enterprise: search by name or code, and the sheet of one firm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException
from fastapi.responses import RedirectResponse, Response

from portal.access import views
from portal.card.sheet import Card, gather
from portal.queries import enterprise, groups, rights
from portal.queries.codes import as_code, fault, folded, is_code
from portal.queries.enterprise import Match
from portal.queries.lift import lift as lift_of
from portal.queries.not_found import Disputed, NotThatYear, Unknown
from portal.queries.release import Query
from portal.web.firm import consequences, grade, lift, parts, score, years
from portal.web.frame import Asked, Frame, Known
from schemas.contract import Contract, contracts
from schemas.errors import UsageError

router = APIRouter()
#: Characters of a search; longer ones are no name.
LONGEST = 100
MOST_TABLES = 20
#: Lists are computed again one at a time: several at once would be no faster, and pages would wait for all of them.
_COMPUTING = CapacityLimiter(1)


@router.get("/enterprise")
def firms(frame: Known, q: str = "") -> Response:
    """The search for a firm; a firm is led to its own sheet."""
    if frame.viewer.role == "enterprise":
        return RedirectResponse(frame.url(f"/enterprise/{frame.viewer.scope}"), 302)
    return _results(frame, q.strip()[:LONGEST], with_tables=False)


@router.get("/search")
def search(frame: Asked, q: str = "") -> Response:
    """The search of the frame: firms, and tables by their names."""
    return _results(frame, q.strip()[:LONGEST], with_tables=True)


@router.get("/enterprise/{uscc}")
def sheet(frame: Known, uscc: str, year: str = "") -> Response:
    """One firm's sheet."""
    if as_code(uscc) != uscc:
        return RedirectResponse(frame.url(f"/enterprise/{quote(as_code(uscc), safe='')}", year=year), 302)
    with frame.reading() as query:
        assert frame.release is not None
        try:
            card = gather(query, frame.release.number, uscc, year or None, with_ways=False)
        except NotThatYear as error:
            years = frame.t("、", ", ").join(error.years)
            raise HTTPException(
                404,
                frame.t(
                    f"{uscc} 不在 {year} 年名录；所在年度：{years}。",
                    f"{uscc} is not in the directory of {year}, but in those of {years}.",
                ),
            ) from None  # fmt: skip
        except Unknown as error:
            if other := _by_other_code(query, uscc):
                return RedirectResponse(frame.url(f"/enterprise/{other}", year=year), 302)
            raise HTTPException(404, _not_found(frame, uscc, error)) from None
        frame.audit_read(uscc)
        return _sheet(frame, card, query)


@router.get("/enterprise/{uscc}/ways")
async def ways(frame: Known, uscc: str, year: str = "") -> Response:
    """What would raise a firm's grade. The sheet loads it when asked: the whole list is computed again for it."""
    return await to_thread.run_sync(partial(_ways, frame, uscc, year), limiter=_COMPUTING)


def _ways(frame: Frame, uscc: str, year: str) -> Response:
    with frame.reading() as query:
        try:
            year = enterprise.year_in_directory(query, uscc, year or None)
            found = lift_of(query, uscc, year)
        except UsageError:
            found = None
        if found is None or found.is_not_shown or "lift" in parts.unseen(frame):
            raise HTTPException(
                404,
                frame.t(
                    f"{uscc} 没有您可以查看的升级测算。",
                    f"There is no way up of {uscc} that you may see.",
                ),
            )  # fmt: skip
        frame.audit_read(uscc)
        return frame.render(
            "enterprise_ways.html",
            nav="enterprise",
            uscc=uscc,
            year=year,
            enterprise_name=enterprise.name_of(query, uscc, year),
            lift=found,
            to_next=lift.to_next(frame, year, found),
            edge=lift.edge(frame, found),
            ways=lift.ways(frame, found),
        )


def _by_other_code(query: Query, code: str) -> str:
    """The firm that had this code before; empty if there is none."""
    try:
        found, total = enterprise.find(query, code)
    except (Unknown, Disputed):
        return ""
    return found[0].uscc if total == 1 and found[0].found_by else ""


def _sheet(frame: Frame, card: Card, query: Query) -> Response:
    return frame.render(
        "enterprise.html",
        nav="enterprise",
        card=card,
        who=card.who,
        words=grade.grade_words(frame, card),
        follows=consequences.follows(frame, card, query),
        bars=lift.bars(frame, card) if card.lift else [],
        to_last=lift.to_last(frame, card, card.lift) if card.lift else "",
        edge=lift.edge(frame, card.lift) if card.lift else "",
        ways_url=frame.url(f"/enterprise/{card.uscc}/ways", year=card.year),
        lines=list(years.lines(frame, card)),
        radar=score.radar(frame, card) if card.score and not card.score.is_not_shown else None,
        score_rows=score.score_rows(frame, card),
        score_table=score.score_place(card)[0],
        score_key=score.score_place(card)[1],
        unseen=parts.unseen(frame),
        fact=lambda one: parts.fact(frame, one),
        missing_data=parts.missing(frame, card),
        is_own=frame.viewer.role == "enterprise",
        quotas=rights.of_firm(query, card.uscc, card.year),
        group=groups.of_firm(query, card.uscc, card.year),
        proof=lambda table, column, **key: parts.proof(frame, card, table, column, **key),
        node_url=lambda position: parts.node_url(frame, card, position),
    )


# --- search --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What a search found; ``said`` is why it found no firm."""

    firms: list[Match]
    total: int
    said: str
    nearest: tuple[tuple[str, str], ...]


def _results(frame: Frame, word: str, *, with_tables: bool) -> Response:
    with frame.reading() as query:
        found = _find(frame, query, word) if word and not frame.viewer.is_visitor else Found([], 0, "", ())
        if found.total == 1 and (found.firms[0].found_by or found.firms[0].uscc == as_code(word)):
            return RedirectResponse(frame.url(f"/enterprise/{found.firms[0].uscc}"), 302)
        tables = _tables(frame, query, word) if with_tables and word else []
        return frame.render(
            "enterprise_search.html",
            nav="" if with_tables else "enterprise",
            word=word,
            found=found,
            rows=[_row(frame, query, match) for match in found.firms],
            tables=tables,
            with_tables=with_tables,
            action=frame.url("/search" if with_tables else "/enterprise"),
        )


def _find(frame: Frame, query: Query, word: str) -> Found:
    try:
        found, total = enterprise.find(query, word)
    except Unknown as error:
        nearest = () if frame.viewer.role == "enterprise" else error.nearest
        return Found([], 0, _not_found(frame, word, error), nearest)
    except Disputed as error:
        said = frame.t(
            f"{word} 归属有争议，不能确定是哪家企业。", f"{word} is in dispute and identifies no single firm."
        )
        names = {uscc: uscc for uscc in error.claimants}
        return Found([], 0, said, tuple(names.items()))
    return Found(found, total, "", ())


def _row(frame: Frame, query: Query, match: Match) -> dict[str, object]:
    return {
        "uscc": match.uscc,
        "name": match.enterprise_name,
        "former": match.former_name or "",
        "district": frame.name(query.titles.maybe("district", match.district_code)),
        "grade": match.grade or None,
        "year": match.year,
    }


def _not_found(frame: Frame, word: str, error: Unknown) -> str:
    """Why nothing was found, in the reader's language; similar firms are among those that the reader may see."""
    code = as_code(word)
    own = frame.viewer.role == "enterprise"
    scope = (
        ""
        if not frame.viewer.scope
        else frame.t("，或不在您可查看的范围内", ", or it is outside what you may see")
    )
    said = frame.t(f"没有找到“{word}”{scope}。", f"Nothing was found for “{word}”{scope}.")
    nearest = "" if own or not error.nearest else _similar(frame, error)
    return said + (frame.t("", " ") + _doubt(frame, code) if is_code(code) else "") + nearest


def _similar(frame: Frame, error: Unknown) -> str:
    names = frame.t("；", "; ").join(f"{name} {uscc}" for uscc, name in error.nearest)
    return frame.t(f"相近的企业：{names}", f" Similar: {names}")


def _doubt(frame: Frame, code: str) -> str:
    """What is wrong with a code."""
    found = fault(code)
    marks, likely = (frame.t("、", ", ").join(given) for given in (found.characters, found.likely))
    return {
        "registration": frame.t("这是15位工商注册号。", "It has the length of a registration number."),
        "organisation": frame.t("这是9位组织机构代码。", "It has the length of an organisation code."),
        "length": frame.t(
            f"信用代码为18位，输入了{len(code)}位。",
            f"A credit code has 18 characters, this has {len(code)}.",
        ),
        "strange": frame.t(
            f"信用代码不用字母 {marks}，是否为 {likely}？",
            f"A credit code never has {marks}; is it {likely}?",
        ),
        "check": frame.t(
            f"校验码应为 {likely}，至少有一位输错。",
            f"Its check character would be {likely}, so a character is mistyped.",
        ),
        "none": frame.t("代码本身有效。", "The code itself is valid."),
    }[found.kind]


def _tables(frame: Frame, query: Query, word: str) -> list[Contract]:
    """Tables of the release that the viewer may read, by a part of their name or title."""
    wanted = folded(word)
    return [
        spec
        for name, spec in sorted(contracts().items())
        if name in query.tables
        and views.sees_rows(spec, frame.viewer.cut)
        and any(wanted in folded(text) for text in (name, spec.title.zh, spec.title.en))
    ][:MOST_TABLES]
