"""Names of exported files: what, of whom, which period, which release; safe on every system."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal
from urllib.parse import quote

#: Characters that Windows forbids, white space, and ``_``, which stands between the parts.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\s_]+')
#: Categories of characters that nobody sees, or that are no characters.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
#: Devices of Windows, with any ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
#: Bytes of a name that Linux takes, less some for what browsers add: `` (1)``.
_LONGEST = 240


def file_name(what: str, *of: str, release: int, ending: str, language: Literal["zh", "en"] = "zh") -> str:
    """
    >>> file_name("亩均评价", "330282", "2024", release=12, ending="xlsx")
    '亩均评价_330282_2024_发布12.xlsx'
    >>> file_name("Per-mu evaluation", "", "2024", release=12, ending="csv", language="en")
    'Per-mu evaluation_2024_release12.csv'
    """
    tail = f"_{'发布' if language == 'zh' else 'release'}{release}.{ending}"
    words = [word for word in map(_word, (what, *of)) if word]
    head = _cut("_".join(words), _LONGEST - len(tail.encode())) or "export"
    name = head + tail
    return f"_{name}" if _DEVICES.fullmatch(name) or _DEVICES.fullmatch(head) else name


def _word(text: str) -> str:
    seen = "".join(
        " " if letter in "\t\n\r" else letter
        for letter in unicodedata.normalize("NFC", text)
        if letter in "\t\n\r" or unicodedata.category(letter) not in _UNSEEN
    )
    return _FORBIDDEN.sub(lambda match: " " if match[0].isspace() else "-", seen).strip(" .-")


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore").rstrip(" .-_")


def content_disposition(name: str) -> str:
    """Value of the header with which a browser saves a file under this name (RFC 6266, RFC 5987).

    >>> content_disposition("评价_2024.csv")
    'attachment; filename="2024.csv"; filename*=UTF-8\\'\\'%E8%AF%84%E4%BB%B7_2024.csv'
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "", name).strip("_")
    if not plain or plain.startswith("."):
        plain = f"export{plain}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
