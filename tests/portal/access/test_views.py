"""What a viewer sees of a table, as SQL."""

from __future__ import annotations

from portal.access import views
from portal.access.viewer import Cut
from schemas.contract import contract


def test_a_sum_of_a_release_that_does_not_count_its_firms_is_withheld() -> None:
    columns = ("year", "landed_firm_count", "land_total_mu", "value_added_total_wan_yuan")
    sql = views.select(contract("per_mu.district_summary"), columns, Cut("city"), "file", "consents")
    assert "CASE WHEN t.landed_firm_count < 3 THEN NULL ELSE t.land_total_mu END AS land_total_mu" in sql
    assert "NULL AS value_added_total_wan_yuan" in sql


def test_a_sum_with_its_count_is_not_hidden_in_every_row() -> None:
    assert "value_added_total_wan_yuan" not in views.hidden(contract("per_mu.district_summary"), Cut("city"))
