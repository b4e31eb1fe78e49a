"""Honours (荣誉): their parameters, and the register of those that are valid at the end of a year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from demo_city.world.draws import Bools, Ints
from schemas.definition import Definition

Days = npt.NDArray[np.datetime64]


class Honour(Definition):
    """An honour of one level: firms that hold it at the end of the base year, and five years later (``aim``)."""

    #: Years from the base year to the aim.
    YEARS: ClassVar[int] = 5

    honour: str
    level: str
    stock: int
    aim: int
    #: Years that an award is valid; None without an end.
    years: int | None = None
    #: Share of the holders that are below scale.
    below_share: float = 0.0
    #: Least size of a holder when it is awarded: insured persons, and revenue in 万元.
    persons: int
    revenue: int
    #: Years from a firm's registration to its first award, at least.
    age: int

    def valid(self, year: int, base_year: int) -> float:
        """Firms that hold it at the end of a year, at scale 1; the growth to the aim goes on after it."""
        return self.stock + (self.aim - self.stock) * (year - base_year) / self.YEARS


@dataclass(frozen=True)
class Register:
    """Valid honours: position of the honour in the parameters, firm, and the latest award with its last day.

    ``until`` is NaT for honours without an end. ``number`` is 1,000,000 times the award's year plus a serial number.
    """

    kind: Ints
    firm: Ints
    day: Days
    until: Days
    number: Ints

    def __len__(self) -> int:
        return len(self.kind)

    def where(self, chosen: Bools) -> Register:
        return Register(*(values[chosen] for values in vars(self).values()))

    def awarded_in(self, year: int) -> Register:
        """The honours that were awarded, or renewed, in a year."""
        return self.where(self.day.astype("datetime64[Y]") == np.datetime64(str(year), "Y"))
