"""测算 What-if: a form with the rule in force; its trial is computed in a process of its own, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from jobs.per_mu.rules.tax_columns import TAX_COLUMNS
from portal.access.trials import may_try, may_try_in
from portal.accounts import audit
from portal.queries import rule_form
from portal.queries.release import Query as Asking
from portal.queries.rule_form import RuleForm
from portal.web.filters import Code, Year
from portal.web.frame import Frame, Known
from portal.web.security import check_token
from portal.what_if import trial
from portal.what_if.turns import LineFullError, begin
from schemas.contract import fields as known_fields
from schemas.errors import UserError

if TYPE_CHECKING:
    from jobs.per_mu.rules.book import RuleBook

router = APIRouter()

#: Longest text of a form's field.
LONGEST = 100


@router.get("/what-if")
def form(frame: Known, year: Year = "", district: Code = "", list: Code = "") -> Response:
    permit(frame)
    return _form(frame, year, district, list)


def permit(frame: Frame) -> None:
    """
    Raises:
        HTTPException: 403, the viewer is no official.
    """
    if not may_try(frame.viewer):
        raise HTTPException(
            403,
            frame.t("测算只向市与区县部门开放", "what-if is for the offices of the city and its districts"),
        )


def not_kept(frame: Frame) -> HTTPException:
    return HTTPException(
        404,
        frame.t(
            "没有这项测算，或已不再保留；请在“规则测算”页以同样的改动重新测算",
            "there is no such trial, or it is no longer kept; try the same changes again on the page What-if",
        ),
    )


def _form(
    frame: Frame,
    year: str,
    district: str,
    list_code: str,
    fault: str = "",
    sent: Mapping[str, str] | None = None,
    several: Mapping[str, Sequence[str]] | None = None,
) -> Response:
    with frame.shelf.whole(frame.release or frame.shelf.release()) as query:
        book, years, districts = _in_force(frame, query, year)
        if not districts:
            return frame.render("nothing.html", nav="per_mu")
        year = year or years[0]
        district = district or districts[0]
        rules = book.for_(district, year)
        lists = list(rules.lists)
        list_code = list_code if list_code in lists else str(lists[0])
        titles = query.titles
        present = rule_form.form_of(rules, list_code)
        return frame.render(
            "what_if.html",
            status=422 if fault else 200,
            nav="per_mu",
            fault=fault,
            year=year,
            district=district,
            list_code=list_code,
            years=[(one, one) for one in years],
            districts=[(one, frame.name(titles("district", one))) for one in districts],
            lists=[(str(one), frame.name(titles("per_mu_list", one))) for one in lists],
            rules=rules,
            rows=[
                {
                    "code": one.code,
                    "name": frame.name(titles("per_mu_indicator", one.code)),
                    "unit": one.unit,
                    **{
                        name: (sent or {}).get(f"{name}_{one.code}", getattr(one, name))
                        for name in ("weight", "method", "value", "giants")
                    },
                }
                for one in present.indicators
            ],
            methods=[(one, frame.name(titles("baseline_method", one))) for one in rule_form.METHODS],
            shares=[
                (grade, (sent or {}).get(f"share_{grade}", share)) for grade, share in present.shares.items()
            ],
            cap_ratio=(sent or {}).get("cap_ratio", present.cap_ratio),
            taxes=[
                (name, _tax(frame, name), is_in)
                for name, is_in in _ticks(present.tax_components, "tax", several)
            ],
            **_vetoes(frame, query, present, sent or {}),
            **_protections(frame, query, present, sent or {}, several),
        )


def _ticks(
    present: Mapping[str, bool], name: str, several: Mapping[str, Sequence[str]] | None
) -> list[tuple[str, bool]]:
    """Codes of a list with whether they are ticked: as sent, or as in the rule in force."""
    return [(code, code in several[name] if several else is_in) for code, is_in in present.items()]


def _vetoes(frame: Frame, query: Asking, present: RuleForm, sent: Mapping[str, str]) -> dict[str, Any]:
    """The fields of vetoes, and whose places a list gives away."""
    t, titles = frame.t, query.titles
    repaired = {
        "stays": t("仍然有效", "it stays"),
        "not_above_c": frame.name(titles("adjustment_effect", "not_above_c")),
        "lifted": t("不再否决", "it falls away"),
    }
    places = {
        "refill_vetoed": t("否决空出的 A、B 类名额递补", "Places in A and B that vetoes leave are refilled"),
        "vetoed_count_in_d": t(
            "递补时，因否决为 D 类的先占 D 类名额", "With refill, vetoed firms fill D's places first"
        ),
        "count_exempt": t("免评企业计入分档基数", "Exempt firms count among a list's firms"),
        "count_protected": t("保护期企业计入分档基数", "Protected firms count among a list's firms"),
    }
    return {
        "vetoes": [
            (code, frame.name(titles("penalty", code)), sent.get(f"veto_{code}", effect))
            for code, effect in present.vetoes.items()
        ],
        "veto_effects": [
            ("", t("不否决", "No veto")),
            *((one, frame.name(titles("adjustment_effect", one))) for one in rule_form.VETO_EFFECTS),
        ],
        "repaired_veto": sent.get("repaired_veto", present.repaired_veto),
        "repaired": [(one, repaired[one]) for one in rule_form.REPAIRED],
        "veto_overrides": sent.get("veto_overrides", present.veto_overrides),
        "yes_or_no": [("yes", t("是", "Yes")), ("no", t("否", "No"))],
        "places": [
            (name, places[name], sent.get(f"place_{name}", value)) for name, value in present.places.items()
        ],
    }


def _protections(
    frame: Frame,
    query: Asking,
    present: RuleForm,
    sent: Mapping[str, str],
    several: Mapping[str, Sequence[str]] | None,
) -> dict[str, Any]:
    """The fields that say who is not judged, or not below C."""
    t, titles = frame.t, query.titles
    effects = {
        "none": t("不保护", "Not protected"),
        "protected": t("不参评", "Not judged"),
        "not_below_c": frame.name(titles("adjustment_effect", "not_below_c")),
    }

    def named(code: str, ticks: Mapping[str, bool], field: str) -> list[tuple[str, str, bool]]:
        return [(one, frame.name(titles(code, one)), is_in) for one, is_in in _ticks(ticks, field, several)]

    return {
        "protected": [
            (
                name,
                frame.name(titles("protection", name)),
                sent.get(f"{name}_years", years),
                sent.get(f"{name}_effect", effect),
            )
            for name, (years, effect) in (("new_firm", present.new_firm), ("new_land", present.new_land))
        ],
        "protections": [(one, effects[one]) for one in rule_form.PROTECTIONS],
        "upgraded": sent.get("upgraded", present.upgraded),
        "upgraded_title": frame.name(titles("protection", "upgraded")),
        "upgraded_effects": [(one, effects[one]) for one in rule_form.UPGRADED],
        "supply_modes": named("supply_mode", present.supply_modes, "supply_mode"),
        "exempt_industries": sent.get("exempt_industries", present.exempt_industries),
        "inactive_statuses": named("registration_status", present.inactive_statuses, "inactive"),
    }


def _tax(frame: Frame, component: str) -> str:
    column = known_fields()[TAX_COLUMNS[component]]
    return frame.t(column.zh, column.en)


def _in_force(frame: Frame, query: Asking, year: str) -> tuple[RuleBook, list[str], list[str]]:
    """The rules of the release, its years of evaluation, and the districts in which the viewer may try rules.

    Raises:
        HTTPException: 404, there is no evaluation of the year.
    """
    book, years = trial.in_force(query)
    if year and year not in years:
        raise HTTPException(404, frame.t(f"没有{year}年的评价", f"there is no evaluation of {year}"))
    if not years:
        return book, [], []
    of_year = sorted({d for d, y, _ in book.items() if y == (year or years[0])})
    return book, years, [one for one in of_year if may_try_in(frame.viewer, [one])]


@router.post("/what-if")
async def ask(frame: Known, request: Request) -> Response:
    sent = await request.form()
    return await run_in_threadpool(_ask, frame, sent)


def _ask(frame: Frame, sent: FormData) -> Response:
    given = {name: value[:LONGEST] for name, value in sent.items() if isinstance(value, str)}
    check_token(frame.request, given.get("csrf_token", ""))
    permit(frame)
    year, district, list_code = (given.get(name, "") for name in ("year", "district", "list"))
    several = {name: [str(value)[:LONGEST] for value in sent.getlist(name)] for name in rule_form.SEVERAL}
    if not may_try_in(frame.viewer, [district]):
        raise HTTPException(403, frame.t("只能测算本区县的规则", "you may try rules of your own district"))
    release = frame.release or frame.shelf.release()
    try:
        with frame.shelf.whole(release) as query:
            book, _, districts = _in_force(frame, query, year)
            if district not in districts:
                raise HTTPException(404, frame.t("没有这个区县的规则", "there is no rule of this district"))
            present = rule_form.form_of(book.for_(district, year), list_code)
            changes = rule_form.changed_fields(present, given, several)
            question = trial.ask(query, release, year, fields=changes, district=district) if changes else None
        if question is None or not question.changes:
            fault = frame.t("没有改动任何规则", "Nothing was changed")
            return _form(frame, year, district, list_code, fault, given, several)
        begin(frame.request.app.state.turns, question, changes, district)
    except KeyError:
        raise HTTPException(404, frame.t("没有这个名单", "there is no such list")) from None
    except ValueError as error:
        field = _field(frame, str(error))
        fault = frame.t(f"{field}：请填数字", f"{field}: give a number")
        return _form(frame, year, district, list_code, fault, given, several)
    except UserError as error:
        return _form(frame, year, district, list_code, _told(frame, error), given, several)
    asked = {"release": release.number, "district": district, "set": changes}
    audit.record(frame.viewer, "what_if.ask", question.id, asked)
    return RedirectResponse(frame.url(f"/what-if/{question.id}"), 303)


def _field(frame: Frame, name: str) -> str:
    kind, _, code = name.partition("_")
    words = {
        "weight": ("权重", "Weight"), "value": ("基准值", "Baseline"), "share": ("比例", "Share"),
        "cap": ("单项封顶", "Cap"),
    }  # fmt: skip
    if code.endswith("_years"):
        firm, land = ("新设立企业保护年限", "Years of a new firm"), ("新供地保护年限", "Years of new land")
        return frame.t(*(firm if name == "new_firm_years" else land))
    return f"{code} {frame.t(*words.get(kind, (name, name)))}".strip()


def _told(frame: Frame, error: UserError) -> str:
    if isinstance(error, LineFullError):
        return frame.t("正在排队的测算过多，请一分钟后再试", "Too many trials wait; try again in a minute")
    return frame.t("规则有误：", "The rule is not valid: ") + str(error)
