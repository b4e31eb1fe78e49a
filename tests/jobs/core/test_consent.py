"""Consents in force and the state of a year: golden cases, and generated records against an oracle in plain Python."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jobs.core.consent import consent
from jobs.core.consent_state import STATES, consent_state, explain_row
from tests.expectations.good_city import code_of
from tests.frames import frame
from tests.oracles import consent as oracle
from tests.oracles.identity import Change

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]
YEARS = ("2021", "2022", "2023", "2024")
A, B, C, D = (code_of(number) for number in range(700, 704))
PER_MU, PROFILE = "per_mu_evaluation", "enterprise_profile"


def record(
    number: str, uscc: str, kind: str, period: str, given: str, *, since: str = "", until: str | None = None,
    purpose: str = PER_MU,
) -> Row:  # fmt: skip
    return {
        "event_id": number, "uscc": uscc, "consent_kind_code": kind, "period": period, "consent_purpose_code": purpose,
        "event_date": date.fromisoformat(given), "consent_from_date": date.fromisoformat(since or given),
        "valid_until_date": date.fromisoformat(until) if until else None,
    }  # fmt: skip


def event(kind: str, before: str, after: str, day: str, told: str) -> Row:
    return {
        "event_id": f"{before}-{after}-{kind}-{told}", "identity_event_kind_code": kind, "from_uscc": before,
        "to_uscc": after, "valid_from_date": date.fromisoformat(day), "year": told,
    }  # fmt: skip


def consents(
    spark: SparkSession, records: list[Row], events: list[Row] | None = None, firms: tuple[str, ...] = (A, B, C, D)
) -> DataFrame:  # fmt: skip
    directory = [{"uscc": uscc, "year": year} for uscc in firms for year in YEARS]
    return consent(
        frame(spark, "core.enterprise", directory),
        frame(spark, "raw.ent_consent", records),
        frame(spark, "core.identity_event", events or []),
    )


def days(
    rows: DataFrame, uscc: str = A, purpose: str = PER_MU
) -> dict[str, list[tuple[str, str | None, bool]]]:
    """Year → validities as first day, end, and whether it was withdrawn."""
    found: dict[str, list[tuple[str, str | None, bool]]] = {}
    for row in sorted(rows.collect(), key=lambda r: (r["year"], r["consent_from_date"])):
        if (row["uscc"], row["consent_purpose_code"]) == (uscc, purpose):
            end = row["consent_end_date"]
            found.setdefault(row["year"], []).append(
                (str(row["consent_from_date"]), str(end) if end else None, row["is_consent_withdrawn"])
            )
    return found


# --- validity ------------------------------------------------------------------------------------------


def test_a_confirmed_sheet_holds_for_its_year_from_the_day_of_the_confirmation(spark: SparkSession) -> None:
    rows = consents(spark, [record("1", A, "sheet", "2022", "2023-05-10")])
    assert days(rows) == {"2022": [("2023-05-10", None, False)]}
    [row] = rows.collect()
    assert (row["consent_kinds"], row["given_uscc"]) == (["sheet"], A)


def test_an_authorisation_covers_the_year_under_evaluation_and_those_up_to_its_end(
    spark: SparkSession,
) -> None:
    # signed on 10 May 2023, when 2022 is evaluated, to 9 May 2024: figures of 2022, 2023 and 2024; the last day is
    # 9 May, so the end is 10 May
    rows = consents(spark, [record("1", A, "authorisation", "2022", "2023-05-10", until="2024-05-09")])
    span = [("2023-05-10", "2024-05-10", False)]
    assert days(rows) == {"2022": span, "2023": span, "2024": span}


def test_a_consent_does_not_begin_before_it_was_given(spark: SparkSession) -> None:
    early = record("1", A, "authorisation", "2022", "2023-05-10", since="2022-01-01", until="2023-12-31")
    late = record("2", A, "authorisation", "2022", "2021-01-01", since="2024-02-01", until="2024-03-31")
    # given after its last day: it never held
    never = record("3", B, "authorisation", "2022", "2023-05-10", since="2022-01-01", until="2022-12-31")
    rows = consents(spark, [early, late, never])
    first, second = ("2023-05-10", "2024-01-01", False), ("2024-02-01", "2024-04-01", False)
    assert days(rows) == {"2022": [first], "2023": [first, second], "2024": [second]}
    assert days(rows, B) == {}


def test_a_withdrawal_ends_what_was_given_and_a_new_consent_begins_anew(spark: SparkSession) -> None:
    rows = consents(
        spark,
        [
            record("1", A, "sheet", "2022", "2023-05-10"),
            record("2", A, "withdrawal", "2022", "2023-06-01"),
            record("3", A, "sheet", "2023", "2024-05-10"),
            record("4", A, "sheet", "2022", "2023-08-01"),
            # profiles are another purpose
            record("5", A, "sheet", "2022", "2023-05-10", purpose=PROFILE),
        ],
    )
    assert days(rows) == {
        "2022": [("2023-05-10", "2023-06-01", True), ("2023-08-01", None, False)],
        "2023": [("2024-05-10", None, False)],
    }
    assert days(rows, purpose=PROFILE) == {"2022": [("2023-05-10", None, False)]}


def test_a_withdrawal_of_the_day_or_before_the_first_day_leaves_nothing(spark: SparkSession) -> None:
    rows = consents(
        spark,
        [
            record("1", A, "sheet", "2022", "2023-05-10"),
            record("2", A, "withdrawal", "2022", "2023-05-10"),
            record("3", B, "authorisation", "2022", "2023-05-10", since="2024-01-01"),
            record("4", B, "withdrawal", "2022", "2023-05-11"),
        ],
    )
    assert rows.count() == 0


def test_adjoining_consents_are_one_validity(spark: SparkSession) -> None:
    rows = consents(
        spark,
        [
            record("1", A, "authorisation", "2022", "2023-01-01", until="2023-05-09"),
            record("2", A, "sheet", "2022", "2023-05-10", until="2023-12-31"),
            # one day between
            record("3", A, "authorisation", "2022", "2023-01-01", since="2024-01-02", until="2024-06-30"),
        ],
    )
    assert days(rows)["2022"] == [("2023-01-01", "2024-01-01", False)]
    assert days(rows)["2023"] == [("2023-01-01", "2023-05-10", False), ("2024-01-02", "2024-07-01", False)]
    [both] = [r for r in rows.collect() if r["year"] == "2022"]
    assert both["consent_kinds"] == ["authorisation", "sheet"]


# --- identity ------------------------------------------------------------------------------------------


def test_a_new_code_keeps_the_consent_and_a_takeover_does_not_pass_it_on(spark: SparkSession) -> None:
    old, absorbed, branch = (code_of(number) for number in (710, 711, 712))
    signed = [
        record(f"{n}", uscc, "authorisation", "2022", "2022-03-01")
        for n, uscc in enumerate((old, absorbed, branch))
    ]
    events = [
        event("succession", old, A, "2022-07-01", "2023"),
        event("merge", absorbed, B, "2022-07-01", "2023"),
        event("branch", branch, C, "2022-07-01", "2023"),
    ]
    rows = consents(spark, [*signed, record("9", D, "sheet", "2022", "2023-05-01")], events)
    # reported in 2023: the figures of 2022 stay under the old code, which is not in this directory
    assert days(rows) == {year: [("2022-03-01", None, False)] for year in ("2023", "2024")}
    assert {r["given_uscc"] for r in rows.collect() if r["uscc"] == A} == {old}
    assert {r["uscc"] for r in rows.collect()} == {A, D}


def test_a_former_code_that_another_firm_claims_leads_nowhere(spark: SparkSession) -> None:
    old, other = code_of(710), code_of(711)
    signed = [record("1", old, "authorisation", "2022", "2022-03-01")]
    succession = event("succession", old, A, "2022-07-01", "2022")
    rival = event("merge", old, other, "2022-08-01", "2024")
    assert set(days(consents(spark, signed, [succession, rival]))) == {"2022", "2023"}
    first = event("merge", old, other, "2021-08-01", "2021")
    assert days(consents(spark, signed, [succession, first])) == {}
    at_once = event("merge", old, other, "2022-08-01", "2022")
    assert days(consents(spark, signed, [succession, at_once])) == {}


# --- state of a year -----------------------------------------------------------------------------------


def test_the_state_of_a_year(spark: SparkSession) -> None:
    records = [
        record("1", A, "sheet", "2023", "2024-05-10"),
        record("2", B, "sheet", "2023", "2024-05-10"),
        record("3", B, "withdrawal", "2023", "2024-06-01"),
        record("4", C, "sheet", "2023", "2024-05-10", purpose="finance"),
        record("5", D, "sheet", "2023", "2024-05-10"),
        record("6", A, "sheet", "2023", "2024-05-10", purpose="chain_analysis"),
        record("7", A, "withdrawal", "2023", "2024-06-01", purpose="chain_analysis"),
        record("8", A, "authorisation", "2023", "2024-07-01", purpose="chain_analysis"),
    ]
    figures = [{"uscc": uscc, "year": "2023", "output_wan_yuan": "10"} for uscc in (A, B, C)]
    rows = consent_state(
        frame(spark, "core.enterprise_year", [*figures, {"uscc": D, "year": "2023", "power_kwh": "10"}]),
        consents(spark, records),
    )
    found = {r["uscc"]: (r["is_in_statistics"], *(r[c] for c in STATES)) for r in rows.collect()}
    assert found == {
        A: (True, "given", "not_given", "given"),
        B: (True, "withdrawn", "not_given", "not_given"),
        C: (True, "not_given", "not_given", "not_given"),
        D: (False, "not_needed", "not_needed", "not_needed"),
    }


def test_a_state_is_explained_with_its_days() -> None:
    held = [
        {"consent_purpose_code": PER_MU, "consent_from_date": date(2023, 5, 10), "consent_end_date": date(2023, 6, 1)},
        {"consent_purpose_code": PER_MU, "consent_from_date": date(2023, 8, 1), "consent_end_date": None},
    ]  # fmt: skip
    row = dict.fromkeys(STATES, "not_given") | {"uscc": A, "year": "2022", "per_mu_consent_code": "given"}
    [evaluation, profile, _] = explain_row(row, lambda *_: held)
    assert evaluation == (
        "亩均效益综合评价 Per-mu evaluation: 已同意 Given（2023-05-10 起，2023-06-01 失效 ends；2023-08-01 起）"
    )
    assert profile.endswith("未同意 Not given")


# --- against the oracle ----------------------------------------------------------------------------------

FIRST = date(2021, 6, 1)
moments = st.integers(0, 40).map(lambda n: FIRST + timedelta(days=29 * n))
records_of_a_world = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["sheet", "sheet", "authorisation", "authorisation", "withdrawal"]),
        st.integers(2021, 2024),
        moments,
        st.sampled_from([-30, 0, 0, 0, 29, 58]),
        st.sampled_from([None, None, 28, 29, 365, 1095]),
    ),
    min_size=3,
    max_size=8,
)
changes_of_a_world = st.lists(
    st.tuples(
        st.sampled_from(["succession", "succession", "succession", "merge", "branch"]),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from([date(2020, 7, 1), date(2022, 3, 1), date(2023, 12, 31)]),
        st.integers(0, 1),
    ).filter(lambda c: c[1] != c[2]),
    max_size=3,
)
FIRMS_OF_A_WORLD = 4


# each example is one job over many worlds: shrinking would take minutes and add nothing
@settings(
    max_examples=3,
    phases=[Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
@given(worlds=st.lists(st.tuples(records_of_a_world, changes_of_a_world), min_size=60, max_size=80))
def test_generated_records_against_the_oracle(spark: SparkSession, worlds: list[Any]) -> None:
    records: list[Row] = []
    events: list[Row] = []
    expected: dict[tuple[str, str], list[oracle.Validity]] = {}
    firms: list[str] = []
    for number, (told, changed) in enumerate(worlds):
        codes = [code_of(200_000 + FIRMS_OF_A_WORLD * number + n) for n in range(FIRMS_OF_A_WORLD)]
        firms += codes
        mine = [
            oracle.Record(
                f"{number}-{n:02}", codes[firm], PER_MU, kind, year, day, day + timedelta(days=shift),
                None if length is None else day + timedelta(days=max(shift, 0) + length),
            )
            for n, (firm, kind, year, day, shift, length) in enumerate(told)
        ]  # fmt: skip
        changes = [
            Change(kind, codes[a], codes[b], max(day, date(day.year + late, 1, 1)), day.year + late)
            for kind, a, b, day, late in changed
        ]
        records += [
            {
                "event_id": r.number, "uscc": r.uscc, "consent_kind_code": r.kind, "period": str(r.year),
                "consent_purpose_code": r.purpose, "event_date": r.given, "consent_from_date": r.first,
                "valid_until_date": r.last,
            }
            for r in mine
        ]  # fmt: skip
        events += [
            event(c.kind, c.before, c.after, str(c.day), str(c.told)) | {"event_id": f"{number}-{n}"}
            for n, c in enumerate(changes)
        ]
        for code in codes:
            for year in YEARS:
                if found := oracle.validities(mine, changes, code, int(year), PER_MU):
                    expected[code, year] = found
    rows: dict[tuple[str, str], list[oracle.Validity]] = {}
    for r in consents(spark, records, events, tuple(firms)).orderBy("consent_from_date").collect():
        end = (
            None
            if r["consent_end_date"] is None or r["consent_end_date"] >= oracle.HORIZON
            else r["consent_end_date"]
        )
        rows.setdefault((r["uscc"], r["year"]), []).append(
            oracle.Validity(
                r["consent_from_date"],
                end,
                r["is_consent_withdrawn"],
                tuple(r["consent_kinds"]),
                r["given_uscc"],
            )
        )
    assert rows == expected
    assert expected
