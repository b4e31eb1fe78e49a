"""Sources 来源: how a feed arrives, and how the sender's headings and codes map to ours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field, model_validator

from schemas.definition import Definition

DateFormat = Literal["yyyy-MM-dd", "yyyy/M/d", "yyyy年M月d日", "yyyyMMdd"]


def plain_heading(text: str) -> str:
    """A heading as one line: a line break becomes a space between ASCII characters and nothing elsewhere.

    >>> plain_heading(" 用电量\\n(千瓦时) "), plain_heading("Energy\\r\\nMWh")
    ('用电量(千瓦时)', 'Energy MWh')
    """
    one_line = re.sub(r"(?<=[!-~])\s*[\r\n]\s*(?=[!-~])", " ", text.strip())
    return re.sub(r"\s+", " ", re.sub(r"\s*[\r\n]\s*", "", one_line))


def heading_key(text: str) -> str:
    """Equal for headings that a reader takes as the same: they differ in line breaks, spaces or full-width characters.

    >>> heading_key("用电量（千瓦时）") == heading_key("用电量\\n (千瓦时)")
    True
    """
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


class MappedColumn(Definition):
    """How a column is read from the sender's file."""

    heading: str | None = None
    constant: str | None = None
    unit: str | None = None
    codes: dict[str, str] | None = None
    #: yyyy-MM-dd (default), yyyy/M/d, yyyy年M月d日, yyyyMMdd; several where people type the file.
    date_format: DateFormat | tuple[DateFormat, ...] | None = None
    #: A file without the heading is read, the column is then null: senders add a new column one after the other.
    may_be_absent: bool = False

    @property
    def date_formats(self) -> tuple[DateFormat, ...]:
        if isinstance(self.date_format, tuple):
            return self.date_format
        return (self.date_format or "yyyy-MM-dd",)

    @model_validator(mode="after")
    def _one_origin(self) -> MappedColumn:
        if (self.heading is None) == (self.constant is None):
            raise ValueError("a mapped column names either a heading or a constant")
        return self


class PeriodFrom(Definition):
    """Cell whose first characters are a record's period: 4 for a year, 7 for a month, 10 for a day."""

    heading: str
    length: Literal[4, 7, 10]


#: Lengths of the names of a feed's periods (2024, 2024-03, 2024-03-31) by its cadence.
_PERIOD_LENGTHS: Mapping[str, tuple[int, ...]] = {
    "yearly": (4,),
    "yearly_then_monthly": (4, 7),
    "monthly": (7,),
    "daily": (10,),
    "continuous": (10,),
    "irregular": (4, 7, 10),
}


#: One part of a table's name in a database: schema or table.
_TABLE_WORD = r"[^\x00-\x1f./\\\"]+"


class Database(Definition):
    """How a feed is read from a sender's database: one column for each heading of the mapping.

    A feed without this block is read in full, from the table of the feed's name.
    """

    #: Table or view, with its schema where the user's search path does not find it.
    table: str | None = Field(default=None, pattern=rf"^{_TABLE_WORD}([.]{_TABLE_WORD})?$")
    #: Column with each row's period, where no heading has it (period_from); column with its part.
    period: str = Field(default="period", min_length=1)
    part: str | None = Field(default=None, min_length=1)
    #: Column that only grows, a time or a whole number; rows above the last pull's highest value are new.
    watermark: str | None = Field(default=None, min_length=1)
    #: How much later than its watermark a row may be committed: seconds, or units of a numeric watermark.
    overlap: int = Field(default=0, ge=0)
    #: Compare keys: withdraw rows and whole periods that the sender removed.
    withdraws: bool = False

    @model_validator(mode="after")
    def _overlap_of_a_watermark(self) -> Database:
        if self.overlap and self.watermark is None:
            raise ValueError("overlap goes with a watermark: name the column")
        return self


#: Key of a source → formats that use it.
_FORMATS_OF_KEY: Mapping[str, tuple[str, ...]] = {
    "sheet": ("excel",),
    "title_rows": ("excel",),
    "heading_rows": ("excel",),
    "unit_rows": ("excel",),
    "delimiter": ("csv",),
    "encoding": ("csv", "jsonl"),
}


class Source(Definition):
    """How a feed arrives, and how the sender's headings and codes map to ours."""

    sender: str
    #: False while contract and mapping are agreed but the sender does not deliver yet; nothing is then expected.
    is_connected: bool = True
    format: Literal["csv", "jsonl", "excel"]
    encoding: Literal["utf-8", "utf-8-sig", "gb18030"] = "utf-8"
    delimiter: str = ","
    #: Excel: lines above the headings, heading lines (merged headings are joined with "/"), unit lines to skip.
    title_rows: int = Field(default=0, ge=0)
    heading_rows: int = Field(default=1, ge=1)
    unit_rows: int = Field(default=0, ge=0)
    #: Excel: the sheet to read, or several, or "*" for every visible one; left out where the file has only one.
    sheet: str | tuple[str, ...] = ()
    #: The DAG ``ingest_<group>`` ingests the feeds of a group, ``ingest_other`` those without a group.
    group: str = Field(default="", pattern=r"^[a-z_]*$")
    cadence: Literal["yearly", "monthly", "yearly_then_monthly", "daily", "continuous", "irregular"]
    lateness_days: int = Field(ge=0)
    #: Months that are reported with the next one: January's industry statistics come with February's.
    merged_months: tuple[int, ...] = ()
    #: Cell with each record's period; without it the manifest gives one period for the file.
    period_from: PeriodFrom | None = None
    #: Column with the time of an event, and what happens to records that arrive too late.
    event_time: str | None = None
    late: Literal["keep", "quarantine"] = "keep"
    #: Kafka topic with the same records as JSON; a feed without one is not streamed.
    topic: str | None = None
    #: The same records in a sender's database.
    database: Database = Database()
    mapping: dict[str, MappedColumn]
    #: The sender's headings that are left out on purpose.
    ignored: tuple[str, ...] = ()
    #: Heading → word or words; a row with one of them in that cell is a totals line, no record.
    totals: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    #: Share of a period's records that may be quarantined before the gate refuses the period.
    quarantine_band: float = Field(default=0.02, ge=0, le=1)
    #: Least number of records of a period, as a share of the previous period's.
    volume_band: float = Field(default=0.9, ge=0, le=1)

    #: People typed the numbers: full-width digits, 1,234.5 and 1.2万 are read as numbers. Default: in Excel only.
    written_numbers: bool | None = None

    @property
    def headings(self) -> list[str]:
        """Headings that the mapping needs, each once."""
        wanted = [m.heading for m in self.mapping.values() if m.heading]
        return list(dict.fromkeys(wanted + ([self.period_from.heading] if self.period_from else [])))

    @property
    def needed_headings(self) -> list[str]:
        """Headings without which a file is refused."""
        absent = {m.heading for m in self.mapping.values() if m.may_be_absent}
        return [h for h in self.headings if h not in absent]

    def named(self, headings: Iterable[str]) -> list[str]:
        """A file's headings in the contract's spelling, where a reader takes both as the same."""
        ours = {heading_key(h): h for h in (*self.totals, *self.ignored, *self.headings)}
        exact = {*self.totals, *self.ignored, *self.headings}
        return [h if h in exact else ours.get(heading_key(h), plain_heading(h)) for h in headings]

    @property
    def sheets(self) -> tuple[str, ...]:
        return (self.sheet,) if isinstance(self.sheet, str) else self.sheet

    @property
    def total_words(self) -> dict[str, tuple[str, ...]]:
        """Heading → words that mark a totals line."""
        return {h: (words,) if isinstance(words, str) else words for h, words in self.totals.items()}

    @property
    def period_lengths(self) -> tuple[int, ...]:
        """Lengths of the names of its periods; only ``period_from``'s length where records have their period."""
        return (self.period_from.length,) if self.period_from else _PERIOD_LENGTHS[self.cadence]

    @model_validator(mode="after")
    def _keys_of_the_format(self) -> Source:
        """Refuse a key that the reader of the format ignores: its author expects an effect."""
        for key in sorted(self.model_fields_set & set(_FORMATS_OF_KEY)):
            if self.format not in _FORMATS_OF_KEY[key]:
                formats = " or ".join(_FORMATS_OF_KEY[key])
                raise ValueError(
                    f"{key}: a file of format {self.format} has none; leave {key} out, or say format: {formats}"
                )
        return self

    @model_validator(mode="after")
    def _periods_of_the_cadence(self) -> Source:
        if self.period_from and self.period_from.length not in _PERIOD_LENGTHS[self.cadence]:
            raise ValueError(
                f"period_from: length {self.period_from.length} does not suit a feed of cadence {self.cadence}"
            )
        return self

    @property
    def reads_written_numbers(self) -> bool:
        return self.format == "excel" if self.written_numbers is None else self.written_numbers
