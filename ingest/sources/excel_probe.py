"""Opens a workbook in a process of its own: one that makes the reader take too much memory, or die, ends here.

Run as `python excel_probe.py FILE`; says in one line what is wrong and exits with 1, or says nothing.
"""

from __future__ import annotations

import resource
import sys

from python_calamine import CalamineError, CalamineWorkbook

MEMORY = 2 << 30
"""Bytes of address space."""
MOST_CELLS = 5_000_000
"""Cells of a sheet's rectangle: two cells far apart span one that is held in memory."""


def main() -> None:
    """Read every sheet."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        with CalamineWorkbook.from_path(sys.argv[1]) as book:
            for name in book.sheet_names:
                sheet = book.get_sheet_by_name(name)
                if sheet.total_height * sheet.total_width > MOST_CELLS:
                    sys.exit(f"sheet {name!r} spans more than {MOST_CELLS:,} cells")
    except (CalamineError, OSError, ValueError) as error:
        sys.exit(f"damaged or encrypted: {error}")


if __name__ == "__main__":
    main()
