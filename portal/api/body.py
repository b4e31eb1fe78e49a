"""The body of a request that decides or asks something: JSON of bounded size, as one struct.

A form of another site cannot send JSON: its content type makes a browser ask first, and nothing answers that it may. So
nobody decides in the name of a reader whose session the browser has.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from portal.api import formats
from portal.api.problems import Problem
from portal.api.request import Asked

T = TypeVar("T", bound=msgspec.Struct)


async def read(asked: Asked, model: type[T], most: int) -> T:
    """The struct that a request sends.

    Args:
        most: bytes of the body at most; no more are read.

    Raises:
        Problem: 415, it is no JSON; 413, it is too large; 422, it does not have the fields that it should have.
    """
    if asked.request.headers.get("content-type", "").partition(";")[0].strip().lower() != formats.JSON:
        raise Problem(415, "not-json", "请以 application/json 提交。", "Send it as application/json.")
    content = bytearray()
    async for part in asked.request.stream():
        content += part
        if len(content) > most:
            raise Problem(
                413, "too-large", f"内容最长 {most} 字节。", f"The document has at most {most} bytes."
            )
    try:
        return msgspec.json.decode(content, type=model)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Problem(
            422, "invalid-document", f"内容有误：{error}", f"The document is not valid: {error}"
        ) from None
