from pathlib import Path

import orjson
import pytest
from ingest_files import (
    EQUIPMENT_TITLES,
    equipment_rows,
    equipment_xls,
    equipment_xlsx,
    load,
    names,
    state,
    store_in,
    values,
    xlsx,
)
from openpyxl import Workbook

from graph.errors import InputError
