"""The golden world: firms with round figures, 2020 to 2024, and months of 2024 up to June."""

from __future__ import annotations

from datetime import date

from tests.jobs.profile.world import World

WORLD = World()
#: 2024 is incomplete: its last month is June.
MONTH = "2024-06"

# --- growth and compound growth: outputs of 100, 121, 133.1 and 90 in 2020, 2021, 2022 and 2023 --------------------
GROWER = "GROWER"
WORLD.firm(GROWER, "2020", "2021", "2022", "2023", "2024")
for year, output in (("2020", "100"), ("2021", "121"), ("2022", "133.1"), ("2023", "90"), ("2024", "60")):
    WORLD.figures(GROWER, year, output_wan_yuan=output, tax_vat_wan_yuan="3", tax_other_wan_yuan="-1")

# --- growth from almost nothing: value added of 2022 and 2023, the growth, and the reason without one ----------------
STARTS = {
    "ELEVENFOLD": ("1", "11", "1000.000000", None),
    "ABOVE_ELEVEN": ("1", "11.000001", None, "base_near_zero"),
    "FELL_TENFOLD": ("1", "-9", "-1000.000000", None),
    "FELL_DEEPER": ("1", "-9.000001", None, "base_near_zero"),
    "FROM_ZERO": ("0", "5", None, "base_near_zero"),
    "FROM_LOSS": ("-1", "5", None, "base_negative"),
    "FROM_NOTHING": (None, "5", None, "no_base"),
    "TO_NOTHING": ("5", None, None, None),
}
for name, (value_before, value_now, *_) in STARTS.items():
    WORLD.firm(name, "2023")
    WORLD.figures(name, "2022", value_added_wan_yuan=value_before)
    WORLD.figures(name, "2023", value_added_wan_yuan=value_now)

# --- sizes: staff and revenue in 2023 -----------------------------------------------------------------------------
SIZES = {
    "LARGE": ("1000", "40000"),
    "MEDIUM": ("1000", "39999.999999"),  # one limit missed: one tier lower
    "MEDIUM2": ("300", "2000"),
    "SMALL": ("1000", "1999"),
    "SMALL2": ("299.99", "40000"),
    "MICRO": ("1000", "299"),  # one limit is enough for micro
    "MICRO2": ("19.99", "40000"),
    "MICRO3": (None, "299"),
    "NOT_KNOWN": (None, "40000"),
}
for name, (staff, revenue) in SIZES.items():
    WORLD.firm(name, "2023", industry_division_code="36")
    WORLD.figures(name, "2023", employees_average=staff, revenue_wan_yuan=revenue)
# below scale: insured persons and declared revenue replace staff and revenue
WORLD.firm("BELOW", "2023", is_above_scale=False)
WORLD.figures("BELOW", "2023", insured_count=25, declared_revenue_wan_yuan="1700")

# --- grades --------------------------------------------------------------------------------------------------------
GRADED = "GRADED"
WORLD.firm(GRADED, "2022", "2023")
for year, grade in (("2019", "A"), ("2020", "B"), ("2021", "D"), ("2022", "D"), ("2023", "C")):
    WORLD.grade(GRADED, year, grade, rank_in_list=2, list_size=3)
# later corrected to D: the correction is in force
WORLD.grade(
    GRADED, "2023", "D", evaluation_version=2, supersedes=1, rank_in_list=3, list_size=3, total_score="12.5"
)

# --- honours, cases, listings -----------------------------------------------------------------------------------------
CASES = "CASES"
WORLD.firm(CASES, "2022", "2023", "2024")
WORLD.event(CASES, "honour", "little_giant", date(2021, 5, 1), level_code="provincial")
WORLD.event(
    CASES,
    "honour",
    "little_giant",
    date(2022, 5, 1),
    level_code="national",
    valid_until_date=date(2022, 12, 31),
)
# three years before the end of 2023: no longer recent then
WORLD.event(CASES, "accident", "safety_fatal", date(2020, 12, 31))
WORLD.event(CASES, "penalty", "minor_fine", date(2021, 1, 1))
# listed in March 2022; reported again in 2023 with its removal on 1 June
LISTED = {"event_id": "L1", "valid_until_date": None}
WORLD.event(CASES, "credit", "dishonest_debtor", date(2022, 3, 1), **LISTED)
WORLD.event(
    CASES,
    "credit",
    "dishonest_debtor",
    date(2022, 3, 1),
    **(LISTED | {"year": "2023", "valid_until_date": date(2023, 6, 1)}),
)

# --- chain: three quarters of LEADER in a node shared with a smaller firm --------------------------------------------
LEADER, OTHER = "LEADER", "OTHER"
for name, output in ((LEADER, "80000"), (OTHER, "40000")):
    WORLD.firm(name, "2023")
    WORLD.figures(name, "2023", output_wan_yuan=output, rd_expense_wan_yuan="0")
WORLD.node(LEADER, "2023", "XTCX-M01", "0.75").node(LEADER, "2023", "XTCX-M02", "0.25")
WORLD.node(OTHER, "2023", "XTCX-M01", "0.5").node(OTHER, "2023", "OUT", "0.5")
# a third firm's position in the node is not confirmed
WORLD.figures("UNSURE", "2023", output_wan_yuan="100000").node(
    "UNSURE", "2023", "XTCX-M01", "1", confirmed=False
)

# --- months: orders of 2024 -------------------------------------------------------------------------------------------
ORDERED = "ORDERED"
WORLD.firm(ORDERED, "2023", "2024")
WORLD.figures(ORDERED, "2023", output_wan_yuan="1200")
WORLD.figures(ORDERED, "2024", output_wan_yuan="500")
for month, orders in ((1, "100"), (2, "100"), (3, "100"), (4, "60"), (5, "60"), (6, "60")):
    WORLD.month(
        ORDERED, f"2024-{month:02}", new_orders_wan_yuan=orders, output_ytd_wan_yuan=str(100 * month),
        output_last_year_wan_yuan=str(80 * month),
    )  # fmt: skip
