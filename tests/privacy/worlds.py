"""Small graphs to ask questions of, built through the real store, projection and mask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graph import projection
from graph.records import Entity, Origin, Relation
from graph.store import open_store
from matching.build import build
from matching.state import State

SECRET = b"s" * 32
TOPICS = ("功率芯片散热", "锂电池热失控", "thermal imaging", "crop genome", "焊接机器人", "污水处理膜")


def people(n: int = 60) -> list[Entity | Relation]:
    """Generated: n experts with papers, needs, enterprises and patents."""
    records: list[Entity | Relation] = []
    for at in range(4):
        values = {"name": f"浙江样本{at}大学", "institution_type": "高校", "region": f"33010{at + 1}"}
        records.append(Entity("institution", f"i{at}", values))
    for at in range(n):
        topic = TOPICS[at % len(TOPICS)]
        bio = f"研究{topic}。电话13800{at:06}，邮箱 e{at}@example.org。"
        title = "教授" if at % 3 else "讲师"
        person: dict[str, Any] = {"name": f"陈样{chr(0x4E00 + at)}", "tags": [topic], "title": title, "bio": bio}
        records.append(Entity("expert", f"e{at:03}", person))
        paper = {
            "title": f"{topic}的方法 {at}",
            "abstract": f"本文研究{topic}，method {at % 7}。",
            "year": 2000 + at % 20,
        }
        records.append(Entity("publication", f"p{at:03}", paper))
        patent: dict[str, Any] = {"title": f"一种{topic}装置", "abstract": topic, "ipc": ["H04L9/32"]}
        records.append(Entity("patent", f"t{at:03}", patent))
        records.append(Relation("authored", "expert", f"e{at:03}", "publication", f"p{at:03}", {"position": 1}))
        records.append(Relation("employed_by", "expert", f"e{at:03}", "institution", f"i{at % 4}", {}))
    for at in range(12):
        records.append(
            Entity("enterprise", f"f{at}", {"name": f"杭州样本{at}科技有限公司", "tags": ["电子"], "stage": "A轮"})
        )
        need = {"title": f"寻求{TOPICS[at % 6]}", "text": f"我们需要{TOPICS[at % 6]}的专家。", "need_type": "技术需求"}
        records.append(Entity("need", f"n{at}", need))
        records.append(Relation("posted", "enterprise", f"f{at}", "need", f"n{at}", {}))
    return records


def state_of(folder: Path, records: Sequence[Entity | Relation], *, k: int = 5, epoch: str = "e1") -> State:
    """The matching state of some records, in a folder that may hold an earlier one."""
    folder.mkdir(exist_ok=True)
    with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
        store.upsert(records, Origin("test", "2024-01-01"))
        projection.build(store, folder / "projection")
    return build(folder / "projection", folder / "matching", SECRET, k=k, epoch=epoch)
