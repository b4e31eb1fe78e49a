"""Parts of addresses that pages and API share, as their routers know them."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class _Language(Convertor[str]):
    regex = "zh|en"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Number(Convertor[int]):
    """A release's number. Thousands of digits, which Python refuses to read, are no number."""

    regex = "[0-9]{1,20}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


#: Names of the kinds in a route: ``{lang:language}``, ``{number:release}``.
LANGUAGE, RELEASE = "language", "release"

register_url_convertor(LANGUAGE, _Language())
register_url_convertor(RELEASE, _Number())
