"""Suite 企业标签: tags of known firms, with evidence, that agree with the profile and with each other."""

from __future__ import annotations

from expectations.checks.profile_tags import shares, tag_checks
from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "profile.enterprise_tag",
    (
        *tag_checks("year"),
        Check(
            "shares_steady",
            "标签占比与上年相近",
            "No tag's share of the firms above scale moves by more than 15 points from the year before",
            f"""WITH shares AS ({shares("year")})
            SELECT c.year, c.tag_code, round(100 * p.share, 1) AS before_pct, round(100 * c.share, 1) AS now_pct
            FROM shares c JOIN shares p ON p.tag_code = c.tag_code
                AND CAST(p.year AS INTEGER) + 1 = CAST(c.year AS INTEGER)
            -- a tag over several years has no firms until that many years exist
            WHERE abs(c.share - p.share) > 0.15 AND p.share > 0 AND c.firms >= 10 AND p.firms >= 10""",
            level="warn",
        ),
    ),
)
