"""Sources 来源: how a feed arrives, and how the sender's words become ours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field, model_validator

from schemas.definition import Definition

DateFormat = Literal["yyyy-MM-dd", "yyyy/M/d", "yyyy年M月d日", "yyyyMMdd"]


def plain_heading(text: str) -> str:
    """A heading in one line: a line break within it is none between Chinese characters, and else a space.

    >>> plain_heading(" 用电量\\n(千瓦时) "), plain_heading("Energy\\r\\nMWh")
    ('用电量(千瓦时)', 'Energy MWh')
    """
    one_line = re.sub(r"(?<=[!-~])\s*[\r\n]\s*(?=[!-~])", " ", text.strip())
    return re.sub(r"\s+", " ", re.sub(r"\s*[\r\n]\s*", "", one_line))


def heading_key(text: str) -> str:
    """What makes two headings the same to a reader: neither line breaks and spaces nor the width of brackets.

    >>> heading_key("用电量（千瓦时）") == heading_key("用电量\\n (千瓦时)")
    True
    """
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


class MappedColumn(Definition):
    """How one of our columns is found in the sender's file."""

    heading: str | None = None
    constant: str | None = None
    unit: str | None = None
    codes: dict[str, str] | None = None
    #: yyyy-MM-dd (when left out), yyyy/M/d, yyyy年M月d日, yyyyMMdd; several where people type the file.
    date_format: DateFormat | tuple[DateFormat, ...] | None = None

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
    """Cell that a record's period is the beginning of: 4 characters are a year, 7 a month, 10 a day."""

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


#: A part of a table's name in a database.
_TABLE_WORD = r"[^\x00-\x1f./\\\"]+"


class Database(Definition):
    """How a feed is read from a sender's database: one column for each heading of the mapping.

    A feed without this block is read in full, from the table that is named as the feed.
    """

    #: Table or view, with its schema where the user's search path does not find it.
    table: str | None = Field(default=None, pattern=rf"^{_TABLE_WORD}([.]{_TABLE_WORD})?$")
    #: Column with the period of each row, where no heading says it (period_from), and with its part.
    period: str = Field(default="period", min_length=1)
    part: str | None = Field(default=None, min_length=1)
    #: Column that only grows, a time or a whole number: what changed since the last pull is found by it.
    watermark: str | None = Field(default=None, min_length=1)
    #: Rows may be committed so much later than the watermark says: seconds, of a number its units.
    overlap: int = Field(default=0, ge=0)
    #: Keys are compared: a row that is gone is withdrawn in whatever period, and so is a period that is gone.
    withdraws: bool = False

    @model_validator(mode="after")
    def _overlap_of_a_watermark(self) -> Database:
        if self.overlap and self.watermark is None:
            raise ValueError("overlap goes with a watermark: name the column")
        return self


#: Keys of a source that only some formats know.
_FORMATS_OF_KEY: Mapping[str, tuple[str, ...]] = {
    "sheet": ("excel",),
    "title_rows": ("excel",),
    "heading_rows": ("excel",),
    "unit_rows": ("excel",),
    "delimiter": ("csv",),
    "encoding": ("csv", "jsonl"),
}


class Source(Definition):
    """How a feed arrives and how the sender's words become ours."""

    sender: str
    #: False while contract and mapping are agreed but the sender does not deliver yet: nothing is expected of it.
    is_connected: bool = True
    format: Literal["csv", "jsonl", "excel"]
    encoding: Literal["utf-8", "utf-8-sig", "gb18030"] = "utf-8"
    delimiter: str = ","
    #: Excel: lines above the headings, heading lines (merged headings are joined with "/"), unit lines to skip.
    title_rows: int = Field(default=0, ge=0)
    heading_rows: int = Field(default=1, ge=1)
    unit_rows: int = Field(default=0, ge=0)
    #: Excel: the sheet that is read, or several, or "*" for every visible one; left out where the file has only one.
    sheet: str | tuple[str, ...] = ()
    #: Feeds of a group are taken in by one DAG, ``ingest_<group>``; those without one by ``ingest_other``.
    group: str = Field(default="", pattern=r"^[a-z_]*$")
    cadence: Literal["yearly", "monthly", "yearly_then_monthly", "daily", "continuous", "irregular"]
    lateness_days: int = Field(ge=0)
    #: Months that are told of with the next one: January's industry statistics come with February's.
    merged_months: tuple[int, ...] = ()
    #: Where each record says itself which period it speaks of; otherwise the manifest says it for the whole file.
    period_from: PeriodFrom | None = None
    #: Column that says when an event happened, and what becomes of records that come later than allowed.
    event_time: str | None = None
    late: Literal["keep", "quarantine"] = "keep"
    #: Kafka topic with the same records as JSON; a feed without one is not streamed.
    topic: str | None = None
    #: The same records in a sender's database.
    database: Database = Database()
    mapping: dict[str, MappedColumn]
    #: Headings that the sender has and that we leave out on purpose.
    ignored: tuple[str, ...] = ()
    #: Rows whose cell under the heading is the word, or one of several, are no records (totals lines).
    totals: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    #: Share of a period's records that may be quarantined before the gate refuses it.
    quarantine_band: float = Field(default=0.02, ge=0, le=1)
    #: Share of the previous period's records that a period must at least bring.
    volume_band: float = Field(default=0.9, ge=0, le=1)

    #: People typed the numbers: full-width digits, 1,234.5 and 1.2万 are read as numbers. Left out: in Excel only.
    written_numbers: bool | None = None

    @property
    def headings(self) -> list[str]:
        """Headings that the mapping needs, each once."""
        wanted = [m.heading for m in self.mapping.values() if m.heading]
        return list(dict.fromkeys(wanted + ([self.period_from.heading] if self.period_from else [])))

    def named(self, headings: Iterable[str]) -> list[str]:
        """The headings of a file as the contract writes them, where they are the same to a reader."""
        ours = {heading_key(h): h for h in (*self.totals, *self.ignored, *self.headings)}
        exact = {*self.totals, *self.ignored, *self.headings}
        return [h if h in exact else ours.get(heading_key(h), plain_heading(h)) for h in headings]

    @property
    def sheets(self) -> tuple[str, ...]:
        return (self.sheet,) if isinstance(self.sheet, str) else self.sheet

    @property
    def total_words(self) -> dict[str, tuple[str, ...]]:
        """Heading → words that make a line one of totals."""
        return {h: (words,) if isinstance(words, str) else words for h, words in self.totals.items()}

    @property
    def period_lengths(self) -> tuple[int, ...]:
        """Lengths of the names of its periods; where records say theirs, of no other."""
        return (self.period_from.length,) if self.period_from else _PERIOD_LENGTHS[self.cadence]

    @model_validator(mode="after")
    def _keys_of_the_format(self) -> Source:
        """A key that the reader of the format does not look at is refused: its author expects something of it."""
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
                f"period_from: length {self.period_from.length} is no period of a feed that comes {self.cadence}"
            )
        return self

    @property
    def reads_written_numbers(self) -> bool:
        return self.format == "excel" if self.written_numbers is None else self.written_numbers
