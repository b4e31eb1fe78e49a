"""A release in which one firm has the longest texts and the most rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.portal import card_release as made
from tests.portal.card_release import GOOD
from warehouse.releases import Release, open_release


@pytest.fixture
def crowded(cold_home: Path) -> Release:
    """Release 1 with a firm that has long texts and many rows in every section."""
    name = "宁波杭州湾新区某某高端智能成型装备制造及其配套零部件研究开发有限责任公司（合成）"
    firm = {**made._enterprise(GOOD, "2024"), "year": "2025", "enterprise_name": name, "former_name": name}
    position = {"uscc": GOOD, "year": "2025", "chain_code": "GDMJ", "confidence": "0.5", "is_confirmed": True}
    made.write(
        cold_home,
        core__enterprise=[{**firm, "identity_flags": ["renamed", "old_district_code", "not_in_registry"]}],
        core__enterprise_year=[
            {**made._figures(GOOD, "2025"), "output_wan_yuan": "99999999.5",
             "missing_feeds": ["gov_tax", "gov_statistics", "gov_energy", "gov_emission", "gov_land_survey"],
             "quarantined_feeds": ["gov_tax", "gov_energy", "gov_emission", "gov_land_parcel", "gov_water"]}
        ],
        core__consent_state=[made._consent_state(GOOD, "2025", "withdrawn")],
        core__consent=[
            {"uscc": GOOD, "year": "2025", "consent_purpose_code": "per_mu_evaluation",
             "consent_from_date": date(2026, 4, 10), "consent_end_date": date(2026, 6, 10)}
        ],
        per_mu__population=[
            {**made._population(GOOD, "2025"), "status_reasons": ["upgraded", "new_firm", "new_land"] * 2}
        ],
        per_mu__enterprise_grade=[
            {**row, "is_tie": True, "grade_reasons": ["refill", "veto:tax_evasion", "veto:illegal_discharge"]}
            for row in made._grades("2025")
        ],
        per_mu__indicator_value=[
            *made._indicators(GOOD, "2025"),
            *({**row, "indicator_code": code} for row in made._indicators(GOOD, "2025")[:2] for code in ("I7", "I8")
              if (row["indicator_code"] == "I1") == (code == "I7")),
        ],
        per_mu__adjustment=[
            {**made._adjustment(GOOD, "veto", "direct_d", 0, "违法排污：一票否决，直接列为D类" * 4, "文号" * 30),
             "year": "2025", "event_id": str(n)}
            for n in range(7)
        ],
        chain__node_enterprise=[
            {**position, "node_code": f"GDMJ-M{n:02}", "position_share": "0.1", "tier_code": "mid",
             "position_reasons": ["declared", "sold", "purchases", "class_evidence", "honour", "override"],
             "override_reason": "经信局认定" * 20}
            for n in range(10)
        ],
        profile__enterprise_profile=[
            {"uscc": GOOD, "period": "2025-06", "risk_level_code": "high", "risk_reasons": ["grade_d"] * 12}
        ],
        profile__enterprise_tag=[
            {"uscc": GOOD, "period": "2025-06", "tag_code": f"tag_{n}", "tag_kind_code": "watch",
             "tag_evidence": ["output_wan_yuan=99999999.500000"] * 4}
            for n in range(12)
        ],
        profile__comprehensive_score=[made.score(GOOD, "2025-06")],
    )  # fmt: skip
    return open_release()
