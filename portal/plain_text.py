"""Texts of senders made safe to show: what is invisible or changes the direction of others becomes visible."""

from __future__ import annotations

import json
import re

#: Control characters except tab and line break, and invisible characters that change the look or direction of others.
#: In a sender's text they could rewrite what a terminal or a page shows.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def plain(said: str) -> str:
    """A text with the codes of its invisible characters in their place.

    >>> plain("甲厂\\x1b[2J")
    '甲厂\\\\u001b[2J'
    """
    return _UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1], said)


def visible(value: object) -> object:
    """A value for a page or a cell: a text with the codes of its invisible characters, and anything else as it is.

    HTML that a template has made of escaped texts is shown already.
    """
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
