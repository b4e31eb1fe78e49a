"""Suite 可盘活用地: what could be freed lies within the parcel and has a reason."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "parcel_id, year"

SUITE = Suite(
    "resource.land_potential",
    (
        Check(
            "within_the_parcel",
            "可盘活面积不超过宗地面积",
            "What could be freed is the largest of the reasons' land, at most the parcel",
            f"""SELECT {_KEY}, freed_mu FROM {{table}} WHERE freed_mu > parcel_area_mu OR freed_mu <= 0
                OR freed_mu <> least(parcel_area_mu, greatest(coalesce(unused_mu, 0), coalesce(late_mu, 0),
                    coalesce(vacant_mu, 0), coalesce(under_used_mu, 0)))""",
        ),
        Check(
            "within_the_uses",
            "无使用人用地不超过权利人自用面积",
            "Land without a user is at most the holder's own use of the parcel",
            f"""SELECT {_KEY}, unused_mu FROM {{table}} t LEFT JOIN (SELECT parcel_id, year, sum(used_area_mu) AS own
                FROM core.parcel_use WHERE use_type_code = 'own' GROUP BY ALL) u USING ({_KEY})
            WHERE coalesce(t.unused_mu, 0) > coalesce(u.own, 0)""",
        ),
        Check(
            "reasons_have_land",
            "原因与面积对应",
            "A reason is named where its land is there",
            f"""SELECT {_KEY} FROM {{table}} WHERE
                list_contains(potential_reasons, 'no_user') <> (unused_mu IS NOT NULL)
                OR list_contains(potential_reasons, 'past_completion') <> (late_mu IS NOT NULL)
                OR list_contains(potential_reasons, 'vacant_floor') <> (vacant_mu IS NOT NULL)
                OR list_contains(potential_reasons, 'under_used') <> coalesce(under_used_mu > 0, false)""",
        ),
        Check(
            "withdrawn_is_late",
            "可收回宗地已逾期",
            "Only a parcel past its completion date may be withdrawn",
            f"SELECT {_KEY} FROM {{table}} WHERE may_be_withdrawn AND late_mu IS NULL",
        ),
    ),
    may_be_empty=True,
)  # fmt: skip
