"""All measures by name: functions of a built city and a year, with the arguments that the aim names."""

from __future__ import annotations

from collections.abc import Callable

from demo_city.aims import changes, levels, registers, structure

Measure = Callable[..., float]

MEASURES: dict[str, Measure] = {
    name: function
    for module in (levels, structure, changes, registers)
    for name, function in vars(module).items()
    if callable(function) and not name.startswith("_") and function.__module__ == module.__name__
}
