"""Columns of the taxes that a rule set may count or leave out; works without Spark, as reading a release does."""

from __future__ import annotations

#: Tax component of a rule set → column of core.enterprise_year.
TAX_COLUMNS = {
    "vat": "tax_vat_wan_yuan",
    "export_offset": "tax_export_offset_wan_yuan",
    "income": "tax_income_wan_yuan",
    "consumption": "tax_consumption_wan_yuan",
    "surcharge": "tax_surcharge_wan_yuan",
    "land_use": "tax_land_use_wan_yuan",
    "property": "tax_property_wan_yuan",
    "other": "tax_other_wan_yuan",
}
#: Kind of tax that a rule set may leave out → column of core.enterprise_year.
EXCLUDED_COLUMNS = {
    "audit_recovery": "tax_excluded_audit_recovery_wan_yuan",
    "demolition": "tax_excluded_demolition_wan_yuan",
    "real_estate": "tax_excluded_real_estate_wan_yuan",
    "equity_transfer": "tax_excluded_equity_transfer_wan_yuan",
    "headquarters_rebate": "tax_excluded_headquarters_rebate_wan_yuan",
}
