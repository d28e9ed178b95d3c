"""Imported by the process that all others of a service are forked off: what they share.

What is there then is taken out of the garbage collector's sight: it marks every object that it looks at, and each mark
would make a page of shared memory the process's own.
"""

from __future__ import annotations

import gc
from importlib import import_module

gc.disable()  # there is hardly anything to collect, and looking for it takes a tenth of the time
try:
    for _name in ("api.app", "api.refresh", "api.accepting", "uvloop"):
        import_module(_name)
    gc.freeze()
finally:
    gc.enable()
