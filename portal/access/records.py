"""Which cells of a sender's record a viewer may see: those of quarantined records and their corrections.

Records carry figures of single firms before anything is cut from them. Who has the right ``quarantine`` sees them, with
two limits: statistics are for those who see statistics, and an office of one district sees counts alone, because
nothing says to which district a broken record belongs.
"""

from __future__ import annotations

from portal.access.viewer import Viewer
from schemas.contract import Contract, Feed, contracts


def sees_records(viewer: Viewer) -> bool:
    """Whether the viewer sees records, not only how many there are."""
    return viewer.may("quarantine") and not viewer.scope


def sees_cell(spec: Feed, heading: str, viewer: Viewer) -> bool:
    """Whether the viewer sees what stands under a heading of the sender.

    A heading that the mapping does not read may have anything, so it is as strict as the strictest column of the feed.
    """
    named = {mapped.heading: name for name, mapped in spec.source.mapping.items()}
    names = [named[heading]] if heading in named else spec.column_names
    return sees_records(viewer) and all(_sees(spec.column(name).sensitivity, viewer) for name in names)


def sees_all_cells(spec: Contract, viewer: Viewer) -> bool:
    """Whether the viewer sees every cell of a feed's records: only then a line that has no cells is shown."""
    return sees_records(viewer) and all(_sees(column.sensitivity, viewer) for column in spec.columns)


def sees_failing_keys(table: str, viewer: Viewer) -> bool:
    """Whether the viewer sees keys of rows that failed the gate. A check may name figures beside the key."""
    spec = contracts().get(table)
    if not sees_records(viewer):
        return False
    return viewer.may("statistics") or (spec is not None and sees_all_cells(spec, viewer))


def _sees(sensitivity: str, viewer: Viewer) -> bool:
    if sensitivity == "personal":
        return False
    return sensitivity != "statistics" or viewer.may("statistics")
