"""An enterprise's latest years."""

from __future__ import annotations

from portal.queries.history import history
from portal.queries.release import reading
from tests.portal.card_release import INCOMPLETE
from warehouse.releases import Release


def test_a_missing_figure_is_none_and_never_zero(release: Release) -> None:
    with reading(release) as query:
        years = history(query, INCOMPLETE, "2024")
    assert {(y.output_wan_yuan, y.tax_wan_yuan, y.tax_per_mu_wan_yuan) for y in years} == {(None, None, None)}
