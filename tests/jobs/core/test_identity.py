"""The enterprise behind a code: golden cases, and generated histories against an oracle in plain Python."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from jobs.core.enterprise_identifier import enterprise_identifier
from jobs.core.identity_event import identity_event
from jobs.core.identity_review import identity_review
from jobs.core.steps.identity import behind, first_day, resolve, successors
from jobs.core.succession import succession
from tests.expectations.good_city import code_of
from tests.frames import frame
from tests.oracles import identity as oracle

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]
A, B, C, D = (code_of(number) for number in range(1, 5))
NUMBER = "330200000012345"


def change(before: str, after: str, day: str, told: str | None = None, kind: str = "merge") -> Row:
    return {
        "event_id": f"{before}-{after}-{kind}-{day}", "identity_event_kind_code": kind, "from_uscc": before,
        "to_uscc": after, "valid_from_date": date.fromisoformat(day), "year": told or day[:4],
    }  # fmt: skip


def events_of(spark: SparkSession, changes: list[Row]) -> DataFrame:
    return frame(spark, "core.identity_event", changes)


def whose(spark: SparkSession, changes: list[Row], *asked: tuple[str, str]) -> list[str]:
    """For each code and period: the enterprise for which its row counts."""
    rows = spark.createDataFrame([(n, *a) for n, a in enumerate(asked)], "n int, uscc string, period string")
    told = events_of(spark, changes)
    found = behind(rows, successors(succession(told, told))).orderBy("n").collect()
    assert len(found) == len(asked)
    return [r["uscc"] for r in found]


def identifiers_of(spark: SparkSession, changes: list[Row] = (), **given: list[Row]) -> DataFrame:  # type: ignore[assignment]
    """core.enterprise_identifier of all years 2020 to 2024."""
    years = [
        {
            "uscc": code_of(900),
            "year": str(y),
            "is_uscc_valid": True,
            "is_in_registry": True,
            "identity_flags": [],
        }
        for y in range(2020, 2025)
    ]
    directory = frame(spark, "core.enterprise", [*years, *given.get("directory", [])])
    return enterprise_identifier(
        directory,
        directory,
        frame(spark, "raw.gov_business_registry", given.get("registry", [])),
        events_of(spark, list(changes)),
        frame(spark, "raw.gov_electricity", given.get("accounts", [])),
        frame(spark, "raw.gov_land_parcel", given.get("parcels", [])),
    )


def table(identifiers: DataFrame) -> set[tuple[str, str, str, str, bool]]:
    columns = ("identifier_kind_code", "identifier", "uscc", "year", "is_disputed")
    rows = [tuple(r[c] for c in columns) for r in identifiers.collect()]
    assert len(rows) == len(set(rows))
    return set(rows)


# --- successors ------------------------------------------------------------------------------------------

#: Name of the case → changes (before, after, day, more), and expected answers: code, period, enterprise behind it.
#: Each case has its own firms behind the letters.
CASES: dict[str, tuple[list[tuple[Any, ...]], str]] = {
    # absorbed on 15 May: May began before, June after; the year 2023 began before, 2024 after
    "from its day on": (
        [("A", "B", "2023-05-15")],
        "A 2023-05 A, A 2023-06 B, A 2023 A, A 2024 B, B 2024 B, C 2024 C",
    ),
    "the very day": ([("A", "B", "2023-06-01")], "A 2023-06 B, A 2023-05 A"),
    "a chain, each step from its day on": (
        [
            ("A", "B", "2022-05-01"),
            ("B", "C", "2023-03-01"),
            ("C", "D", "2024-01-01", {"kind": "succession"}),
        ],
        "A 2022-04 A, A 2022-05 B, A 2023-02 B, A 2023-03 C, A 2024 D, B 2023 B, B 2024 D",
    ),
    "a chain whose second step came first": (
        [("A", "B", "2023-05-01"), ("B", "C", "2022-03-01")],
        "A 2023-04 A, A 2023-05 C, B 2022-04 C",
    ),
    "reported late": (
        [("A", "B", "2018-03-01", {"told": "2023", "kind": "branch"})],
        "A 2022 A, A 2023 B, A 2023-01 B",
    ),
    "splits and names": (
        [("A", "B", "2022-01-01", {"kind": "split"}), ("A", "A", "2022-01-01", {"kind": "rename"})],
        "A 2024 A, B 2024 B",
    ),
    # D merged into A before: from 2023 on D leads to A again, and no longer to B
    "two claim A": (
        [("A", "B", "2022-05-01"), ("A", "C", "2023-08-01"), ("D", "A", "2022-01-01")],
        "A 2022-12 B, A 2023-01 A, A 2024 A, D 2022-02 A, D 2022-12 B, D 2023-01 A",
    ),
    "two claim A in one year": (
        [("A", "B", "2022-05-01"), ("A", "C", "2022-05-01")],
        "A 2022-06 A, A 2024 A",
    ),
    "reported twice": (
        [("A", "B", "2022-05-01"), ("A", "B", "2022-05-01", {"told": "2023"})],
        "A 2022-06 B, A 2024 B",
    ),
    # C into A closes the circle in 2023; D merged into A, so D then leads to A
    "a circle": (
        [
            ("A", "B", "2021-01-01"),
            ("B", "C", "2022-01-01"),
            ("C", "A", "2023-06-01"),
            ("D", "A", "2021-01-01"),
        ],
        "A 2021 B, A 2022 C, A 2023 A, B 2023 B, C 2024 C, D 2022 C, D 2023 A",
    ),
    "itself": ([("A", "A", "2022-01-01")], "A 2023 A"),
    # B merges into both A and D in the year that closes the circle A-B: only B is in dispute
    "a circle through a disputed code": (
        [("A", "B", "2021-01-01"), ("B", "A", "2022-01-01"), ("B", "D", "2022-01-01")],
        "A 2022 B, B 2022 B, A 2024 B",
    ),
    # at most 16 steps are followed; a longer chain is a case for review
    "16 steps": ([(f"F{n}", f"F{n + 1}", "2022-01-01") for n in range(16)], "F0 2023 F16, F15 2023 F16"),
    "17 steps": ([(f"F{n}", f"F{n + 1}", "2022-01-01") for n in range(17)], "F0 2023 F0, F1 2023 F17"),
}


class Letters:
    """Codes of a case's firms, by letter."""

    def __init__(self, case: str) -> None:
        self.number = list(CASES).index(case)

    def code(self, letter: str) -> str:
        place = int(letter[1:]) if letter[0] == "F" else "ABCD".index(letter) + 50
        return code_of(100_000 + 100 * self.number + place)

    def changes(self, told: list[tuple[Any, ...]]) -> list[Row]:
        return [
            change(self.code(a), self.code(b), day, **(more[0] if more else {})) for a, b, day, *more in told
        ]


@pytest.fixture(scope="module")
def answers(spark: SparkSession) -> dict[str, list[tuple[str, str, str]]]:
    """Answers for every case: all cases share one history and are resolved in one run."""
    asked = {
        (name, *words.split()): (Letters(name).code(words.split()[0]), words.split()[1])
        for name, (_, questions) in CASES.items()
        for words in questions.split(", ")
    }
    every = [c for name, (told, _) in CASES.items() for c in Letters(name).changes(told)]
    found: dict[str, list[tuple[str, str, str]]] = {name: [] for name in CASES}
    for (name, letter, period, _), uscc in zip(asked, whose(spark, every, *asked.values()), strict=True):
        letters = Letters(name)
        names = {letters.code(x): x for x in [*"ABCD", *(f"F{n}" for n in range(18))]}
        found[name].append((letter, period, names[uscc]))
    return found


@pytest.mark.parametrize("case", CASES)
def test_rows_count_for_the_enterprise_behind_their_code(
    answers: dict[str, list[tuple[str, str, str]]], case: str
) -> None:
    assert ", ".join(" ".join(a) for a in answers[case]) == CASES[case][1]


def test_circles_go_to_review_and_without_events_codes_stay(spark: SparkSession) -> None:
    letters = Letters("a circle")
    changes = letters.changes(CASES["a circle"][0])
    review = {
        (r["identifier"], r["year"], r["review_reason_code"], tuple(r["claimants"]))
        for r in identity_review(identifiers_of(spark, changes)).collect()
    }
    a, b, c = map(letters.code, "ABC")
    assert review == {(a, "2023", "cycle", (b,)), (b, "2023", "cycle", (c,)), (c, "2023", "cycle", (a,))}
    assert whose(spark, [], (A, "2024")) == [A]


def test_the_first_day_of_a_year_month_or_day_is_known(spark: SparkSession) -> None:
    periods = ["2024", "2024-03", "2024-03-31"]
    rows = spark.createDataFrame([(p,) for p in periods], "period string")
    found = {r[0]: str(r[1]) for r in rows.select("period", first_day(F.col("period"))).collect()}
    assert found == {"2024": "2024-01-01", "2024-03": "2024-03-01", "2024-03-31": "2024-03-31"}


# --- identifiers -----------------------------------------------------------------------------------------


def test_the_registry_gives_registration_numbers_and_organisation_codes(spark: SparkSession) -> None:
    own = {"uscc": A, "period": "2021", "registration_number": NUMBER, "organisation_code": A[8:17]}
    moved = {"uscc": B, "period": "2022", "organisation_code": "MAX000017"}
    assert table(identifiers_of(spark, registry=[own, own | {"period": "2023"}, moved])) == {
        ("registration_number", NUMBER, A, "2021", False),
        ("organisation_code", A[8:17], A, "2021", False),
        ("organisation_code", B[8:17], B, "2022", False),
        ("organisation_code", "MAX000017", B, "2022", False),
    }


def test_a_firm_listed_only_in_the_directory_has_its_organisation_code(spark: SparkSession) -> None:
    known = {"year": "2022", "is_uscc_valid": True, "identity_flags": []}
    directory = [known | {"uscc": A, "is_in_registry": False}, known | {"uscc": B, "is_in_registry": True}]
    rows = identifiers_of(spark, directory=directory)
    assert table(rows) == {("organisation_code", A[8:17], A, "2022", False)}
    assert [r["source_feed"] for r in rows.collect()] == ["gov_statistics_directory"]


def test_two_firms_that_claim_a_code_go_to_review_with_their_names(spark: SparkSession) -> None:
    registry: list[Row] = [
        {"uscc": A, "period": "2020", "organisation_code": A[8:17]},
        {"uscc": B, "period": "2022", "organisation_code": A[8:17]},
    ]
    identifiers = identifiers_of(spark, registry=registry)
    shared = {r for r in table(identifiers) if r[1] == A[8:17]}
    assert shared == {
        ("organisation_code", A[8:17], A, "2020", False),
        ("organisation_code", A[8:17], A, "2022", True),
        ("organisation_code", A[8:17], B, "2022", True),
    }
    [row] = identity_review(identifiers).collect()
    assert (row["identifier"], row["claimants"], row["review_reason_code"]) == (
        A[8:17],
        sorted([A, B]),
        "two_claimants",
    )
    assert row["source_feeds"] == ["gov_business_registry"]
    # before 2022 the code is A's; from 2022 on it is nobody's, while both credit codes keep their firms
    asked = [(A[8:17], "2021"), (A[8:17], "2022"), (A, "2022"), (B, "2022"), (B[8:17], "2023")]
    assert resolved(spark, identifiers, *asked) == [A, None, A, B, B]


def resolved(spark: SparkSession, identifiers: DataFrame, *asked: tuple[str | None, str]) -> list[str | None]:
    rows = spark.createDataFrame([(n, *a) for n, a in enumerate(asked)], "n int, code string, period string")
    found = resolve(rows, "code", identifiers, into="found").orderBy("n").collect()
    assert [r["code"] for r in found] == [a[0] for a in asked]
    return [r["found"] for r in found]


def test_every_form_of_a_code_is_resolved_and_unknown_codes_are_not(spark: SparkSession) -> None:
    old = {"uscc": A, "period": "2020", "registration_number": NUMBER}
    identifiers = identifiers_of(
        spark,
        [change(A, B, "2023-05-01"), change(D, B, "2015-01-01", told="2021", kind="branch")],
        registry=[old, {"uscc": B, "period": "2020"}],
    )
    asked = [
        (A, "2022"), (A[8:17], "2022"), (NUMBER, "2022"), (A, "2024"), (A[8:17], "2023-06"), (NUMBER, "2023-06"),
        (C, "2024"), (C[8:17], "2024"), ("330200000099999", "2024"), (D, "2020"), (D, "2024-12"), (None, "2024"),
    ]  # fmt: skip
    assert resolved(spark, identifiers, *asked) == [A, A, A, B, B, B, None, None, None, None, B, None]


def test_a_meter_changes_hands_and_is_in_dispute_when_two_firms_use_it_at_once(spark: SparkSession) -> None:
    def months(uscc: str, account: str, *numbers: int) -> list[Row]:
        return [{"uscc": uscc, "meter_account_code": account, "period": f"2024-{m:02}"} for m in numbers]

    accounts = [
        {"uscc": A, "meter_account_code": "3300000001", "period": "2022"},
        {"uscc": B, "meter_account_code": "3300000001", "period": "2023"},
        {"uscc": A, "meter_account_code": "3300000002", "period": "2023"},
        *months(A, "3300000002", 1, 2, 3), *months(B, "3300000002", 4, 5),
        *months(A, "3300000003", 1, 2, 5, 6), *months(B, "3300000003", 3, 4),
        # two parts of one month's delivery name different firms
        *months(C, "3300000004", 7), *months(D, "3300000004", 7),
    ]  # fmt: skip
    rows = identifiers_of(spark, accounts=accounts)
    assert {r[1:] for r in table(rows)} == {
        ("3300000001", A, "2022", False), ("3300000001", B, "2023", False),
        ("3300000002", A, "2023", False), ("3300000002", B, "2024", False),
        ("3300000003", A, "2024", True), ("3300000003", B, "2024", True),
        ("3300000004", C, "2024", True), ("3300000004", D, "2024", True),
    }  # fmt: skip
    since = {(r["identifier"], r["uscc"]): str(r["valid_from_date"]) for r in rows.collect()}
    assert since["3300000002", B] == "2024-04-01" and since["3300000001", B] == "2023-01-01"


def test_a_certificate_with_two_holders_is_in_dispute(spark: SparkSession) -> None:
    parcels = [
        {"parcel_id": f"p{n}", "certificate_code": code, "owner_uscc": owner, "period": period}
        for n, (code, owner, period) in enumerate(
            [
                ("x", A, "2022"),
                ("x", A, "2022"),
                ("x", A, "2023"),
                ("x", B, "2023"),
                (None, A, "2023"),
                ("y", None, "2023"),
            ]
        )
    ]
    rows = identifiers_of(spark, parcels=parcels)
    assert {r[1:] for r in table(rows)} == {
        ("x", A, "2022", False),
        ("x", A, "2023", True),
        ("x", B, "2023", True),
    }
    assert [r["review_reason_code"] for r in identity_review(rows).collect()] == ["overlapping_use"]


def test_a_year_computed_alone_equals_the_year_computed_with_all_others(spark: SparkSession) -> None:
    """Purity: a year computed alone, from inputs up to that year, equals the year of a run over all years."""
    changes = [change(A, B, "2021-05-01"), change(A, C, "2023-05-01"), change(B, D, "2024-02-01")]
    registry: list[Row] = [
        {"uscc": A, "period": "2020", "organisation_code": A[8:17], "registered_date": date(2001, 1, 1)},
        {"uscc": A, "period": "2023", "organisation_code": A[8:17], "registered_date": date(2000, 1, 1)},
        {"uscc": B, "period": "2024", "organisation_code": A[8:17]},
        {"uscc": C, "period": "2022"},
    ]
    known: Row = {"is_uscc_valid": True, "identity_flags": [], "is_in_registry": False}
    directory: list[Row] = [known | {"uscc": D, "year": y} for y in ("2021", "2022", "2024")]
    every = [
        r.asDict() for r in identifiers_of(spark, changes, registry=registry, directory=directory).collect()
    ]
    for year in ("2021", "2022", "2023"):
        made = frame(spark, "core.enterprise", [known | {"uscc": A, "year": year}])
        alone = enterprise_identifier(
            made,
            frame(spark, "core.enterprise", [d for d in directory if d["year"] <= year]),
            frame(spark, "raw.gov_business_registry", [r for r in registry if r["period"] <= year]),
            events_of(spark, [c for c in changes if c["year"] <= year]),
            frame(spark, "raw.gov_electricity", []),
            frame(spark, "raw.gov_land_parcel", []),
        )
        order = lambda r: (r["identifier_kind_code"], r["identifier"], r["uscc"])  # noqa: E731
        assert sorted((r.asDict() for r in alone.collect()), key=order) == sorted(
            (r for r in every if r["year"] == year), key=order
        )


# --- events ----------------------------------------------------------------------------------------------


def test_every_change_is_an_event_with_reason_and_validity(spark: SparkSession) -> None:
    told = [
        {
            "event_id": "BG-1", "period": "2023", "identity_event_kind_code": "merge", "from_uscc": A, "to_uscc": B,
            "event_date": date(2023, 5, 1), "identity_reason": "吸收合并", "document_code": "甬市监合〔2023〕1号",
        },
        {
            "event_id": "BG-2", "period": "2023", "identity_event_kind_code": "branch", "from_uscc": C, "to_uscc": B,
            "event_date": date(2020, 5, 1), "valid_until_date": date(2023, 12, 31),
        },
        {
            "event_id": "BG-3", "period": "2023", "identity_event_kind_code": "group", "from_uscc": D, "to_uscc": B,
            "event_date": date(2020, 5, 1), "group_code": "JT1",
        },
    ]  # fmt: skip
    registry = [
        {"uscc": D, "period": "2023", "enterprise_name": "新名", "former_name": "旧名"},
        {"uscc": A, "period": "2023", "enterprise_name": "甲"},
    ]
    rows = identity_event(
        frame(spark, "raw.gov_identity_change", told), frame(spark, "raw.gov_business_registry", registry)
    ).collect()
    found = {r["event_id"]: r for r in rows}
    assert set(found) == {"BG-1", "BG-2", f"rename-{D}"}
    merge, rename = found["BG-1"], found[f"rename-{D}"]
    assert (merge["from_uscc"], merge["to_uscc"], str(merge["valid_from_date"])) == (A, B, "2023-05-01")
    assert (merge["identity_reason"], merge["document_code"]) == ("吸收合并", "甬市监合〔2023〕1号")
    assert str(found["BG-2"]["valid_to_date"]) == "2023-12-31"
    assert (rename["former_name"], rename["enterprise_name"], rename["from_uscc"]) == ("旧名", "新名", D)
    assert rename["valid_from_date"] is None


# --- against the oracle ----------------------------------------------------------------------------------

DAYS = [
    date(2021, 1, 1),
    date(2021, 6, 15),
    date(2022, 3, 1),
    date(2022, 3, 2),
    date(2023, 1, 1),
    date(2024, 7, 1),
]
PERIODS = [
    "2020",
    "2021",
    "2021-07",
    "2022",
    "2022-03",
    "2022-04",
    "2023",
    "2023-12",
    "2024",
    "2024-07",
    "2024-12",
]
firms = st.integers(0, 5)
histories = st.lists(
    st.tuples(
        st.sampled_from(["merge", "merge", "succession", "branch", "split"]),
        firms,
        firms,
        st.sampled_from(DAYS),
        st.integers(0, 2),
    ),
    max_size=7,
)


# each example is one Spark job over many histories: shrinking would take minutes and add nothing
@settings(
    max_examples=2,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(st.lists(histories, min_size=40, max_size=60))
def test_successors_agree_with_the_oracle(spark: SparkSession, worlds: list[list[tuple[Any, ...]]]) -> None:
    """Chains, late reports, double claims and circles among six firms each; by events and by identifiers."""
    changes: list[Row] = []
    asked: list[tuple[str, str]] = []
    expected: list[str] = []
    for number, world in enumerate(worlds):
        names = [code_of(1000 * (number + 1) + n) for n in range(6)]
        history = [
            oracle.Change(kind, names[a], names[b], day, min(day.year + late, 2024))
            for kind, a, b, day, late in world
        ]
        for place, c in enumerate(history):
            changes.append(
                {
                    **change(c.before, c.after, str(c.day), str(c.told), c.kind),
                    "event_id": f"{number}-{place}",
                }
            )
        for name in names:
            for period in PERIODS:
                asked.append((name, period))
                day = date.fromisoformat((period + "-01-01")[:10])
                expected.append(oracle.behind(history, name, day))
    assert whose(spark, changes, *asked) == expected

    codes = sorted({code for code, _ in asked})
    recorded = identifiers_of(spark, changes, registry=[{"uscc": c, "period": "2020"} for c in codes])
    assert resolved(spark, recorded, *asked) == expected
    told = {
        (r["identifier"], int(r["year"])) for r in identity_review(recorded).collect()
        if r["review_reason_code"] in ("two_successors", "cycle")
    }  # fmt: skip
    since: dict[str, int] = {}
    for code, year in told:
        since[code] = min(year, since.get(code, 9999))
    every = [oracle.Change(c["identity_event_kind_code"], c["from_uscc"], c["to_uscc"], c["valid_from_date"],
                           int(c["year"])) for c in changes]  # fmt: skip
    assert since == oracle.disputes(every, 2024)


owners = st.integers(0, 3)


@settings(
    max_examples=2,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(
    st.lists(
        st.lists(st.tuples(owners, st.sampled_from(["2020", "2021", "2023"])), max_size=5),
        min_size=30,
        max_size=50,
    ),
    st.lists(
        st.lists(
            st.tuples(owners, st.sampled_from(["2022", "2023", "2024-01", "2024-02", "2024-05", "2024-06"])),
            max_size=6,
        ),
        min_size=30,
        max_size=50,
    ),
)
def test_identifiers_agree_with_the_oracle(
    spark: SparkSession, lasting: list[list[tuple[int, str]]], changing: list[list[tuple[int, str]]]
) -> None:
    claims: list[oracle.Claim] = []
    registry: list[Row] = []
    accounts: list[Row] = []
    for number, told in enumerate(lasting):
        for place, (owner, period) in enumerate(dict.fromkeys(told)):
            del place
            uscc = code_of(10 * number + owner)
            code = f"MAX{number:05}X"
            registry.append({"uscc": uscc, "period": period, "organisation_code": code})
            claims += [
                oracle.Claim("organisation_code", code, uscc, period),
                oracle.Claim("organisation_code", uscc[8:17], uscc, period),
            ]
    for number, told in enumerate(changing):
        account = f"33{number:08}"
        for owner, period in dict.fromkeys(told):
            uscc = code_of(500_000 + owner)
            accounts.append({"uscc": uscc, "period": period, "meter_account_code": account})
            claims.append(oracle.Claim("meter_account", account, uscc, period))
    assert table(identifiers_of(spark, registry=registry, accounts=accounts)) == oracle.identifiers(claims)
