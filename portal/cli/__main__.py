"""``python -m portal.cli``: the command line without its launcher."""

from portal.cli.app import script

script()
