"""Files of the shapes that people send, made at run time, and a store to load them into. Nobody in them is real."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import xlwt
from openpyxl import Workbook

from graph.records import Relation
from graph.store import GraphStore, open_store
from ingest.load import Options, ingest
from ingest.report import Report

EQUIPMENT_TITLES = (
    *("序号", "仪器名称", "规格型号", "生产厂家", "所属单位", "主要功能", "技术指标"),
    *("联系人", "联系电话", "校内收费标准（元/小时）", "校外收费标准", "备注"),
)
EQUIPMENT_ROWS: tuple[tuple[Any, ...], ...] = (
    *(
        (
            1,
            "扫描电子显微镜",
            "SU8010",
            "生成仪器厂",
            "材料学院",
            "形貌观察",
            "分辨率1nm",
            "张生成",
            13800000001.0,
            100,
        ),
        (
            2,
            "核磁共振谱仪",
            "ＡＶ４００",
            "生成仪器厂",
            "化学系",
            "结构鉴定",
            "400 MHz",
            "李生成",
            "0571-80000000",
            "80",
        ),
        (3, "质谱仪", "QE-1", "生成质谱公司", "化学系", "成分分析", "", "王生成", "13800000003", 120),
    ),
)
EXTERNAL = ("200元/小时", "３００元／小时", 400)


def equipment_rows() -> list[list[Any]]:
    """The body of the equipment office's sheet."""
    return [[*row, price, ""] for row, price in zip(EQUIPMENT_ROWS, EXTERNAL, strict=True)]


def equipment_xlsx(path: Path, rows: Iterable[Sequence[Any]] | None = None) -> Path:
    """A sheet of a university's equipment office: title, date, column titles, rows, a blank one, a total, a remark."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Sheet1"
    sheet.append(["生成大学大型仪器设备开放共享目录（生成数据）"])
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(EQUIPMENT_TITLES))
    sheet.append(["", "", "", "", "", "", "", "", "", "填表日期：2024年3月"])
    sheet.append(list(EQUIPMENT_TITLES))
    for row in rows if rows is not None else equipment_rows():
        sheet.append(list(row))
    sheet.append([])
    sheet.append(["合计", "3台"])
    sheet.append(["备注：以上均为生成数据"])
    last = sheet.max_row
    sheet.merge_cells(start_row=last, start_column=1, end_row=last, end_column=len(EQUIPMENT_TITLES))
    book.save(path)
    return path


def equipment_xls(path: Path) -> Path:
    """The same in the old format, without merged cells."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("大型仪器")
    lines = [["生成大学大型仪器设备开放共享目录"], [], list(EQUIPMENT_TITLES), *equipment_rows()]
    for at, line in enumerate(lines):
        for column, value in enumerate(line):
            sheet.write(at, column, value)
    book.save(str(path))
    return path


def xlsx(path: Path, sheets: Mapping[str, Iterable[Sequence[Any]]]) -> Path:
    """A plain workbook."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """A JSON Lines file; its folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def store_in(folder: Path) -> GraphStore:
    """A store of its own."""
    return open_store(f"sqlite:///{folder / 'graph.db'}")


def load(store: GraphStore, *paths: Path, **options: Any) -> Report:
    """Load into the store."""
    return ingest(store, list(paths), Options(**options))


def values(store: GraphStore, kind: str) -> list[dict[str, Any]]:
    """The records of a kind by name or title."""
    found = [entity.values for entity in store.entities(kind)]
    return sorted(found, key=lambda values: str(values.get("name", values.get("title", ""))))


def names(store: GraphStore, relation: str) -> list[tuple[str, str]]:
    """The ends of every relation of a kind by name, sorted."""
    return sorted((_name(store, *edge[1:3]), _name(store, *edge[3:5])) for edge in store.relations(relation))


def _name(store: GraphStore, kind: str, id: str) -> str:
    found = store.get(kind, id)
    assert found is not None
    return str(found.values.get("name", found.values.get("title", id)))


def state(store: GraphStore) -> tuple[dict[str, int], int, list[Relation]]:
    """What a load may change."""
    edges = [edge for kind in store.catalogue.relations for edge in store.relations(kind)]
    return store.counts(), store.revision(), sorted(edges, key=repr)
