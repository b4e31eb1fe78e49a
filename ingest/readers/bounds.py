"""Limits of readers, so that no input needs more memory than ``IN_MEMORY_BYTES`` and a few blocks."""

from __future__ import annotations

MAX_FILE_BYTES = 4 << 30
#: Records of files up to this size stay in memory.
IN_MEMORY_BYTES = 512 << 20
#: A record must fit in a block.
BLOCK_BYTES = 8 << 20
MAX_HEADINGS = 2000
