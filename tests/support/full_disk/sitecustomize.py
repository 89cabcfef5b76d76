"""Fills the disk, as far as processes ask: one byte of it is free.

Python imports this module by its name at each start when PYTHONPATH leads to it.
"""

import shutil

_usage = type(shutil.disk_usage("."))
shutil.disk_usage = lambda _path: _usage(1_000_000, 999_999, 1)
