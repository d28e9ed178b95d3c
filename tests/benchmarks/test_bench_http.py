"""Matches over HTTP on the sample world: rate, latency, freshness, start and memory of the service.

    python -m pytest tests/benchmarks/test_bench_http.py -m benchmark -s

Figures go to standard error. `QIANXIAN_BENCH_HOME` names a built home folder to use instead of making one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import psutil
import pytest

from api.bootstrap import build
from api.casework import keys
from api.installation import make_home, open_casework
from api.settings import Settings
from graph.store import open_store
from ingest.load import Options, ingest
from ingest.sample.world import write
from tests.api.running import Running, running, until

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(shutil.which("wrk") is None, reason="the load generator wrk is not installed"),
]
EXPERTS = int(os.environ.get("QIANXIAN_BENCH_EXPERTS", "4633"))
SECONDS = 8
ASKED = 500
"""Different questions of one run."""
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer TOKEN"
local bodies = {}
for line in io.lines("BODIES") do bodies[#bodies + 1] = line end
local at = 0
function request() at = at % #bodies + 1; return wrk.format(nil, nil, nil, bodies[at]) end
DELAY
function done(summary, latency, requests)
  io.write(string.format("rate=%.1f p50=%.2f p99=%.2f max=%.2f bad=%d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    summary.errors.status + summary.errors.timeout + summary.errors.read + summary.errors.connect))
end
"""


def say(text: str) -> None:
    sys.stderr.write(f"\nHTTP, {EXPERTS:,} experts: {text}\n")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("QIANXIAN_BENCH_HOME")
    if given:
        return Path(given)
    folder = tmp_path_factory.mktemp("bench")
    settings = Settings(home=folder / "home")
    write(folder / "world", experts=EXPERTS)
    make_home(settings.home)
    with open_store(settings.store_url) as store:
        ingest(store, [folder / "world"], options=Options())
    build(settings)
    return settings.home


@pytest.fixture(scope="module")
def operator(home: Path) -> str:
    casework = open_casework(Settings(home=home))
    token, _ = keys.issue(casework, role="operator", parties=["*"], label="benchmark")
    casework.close()
    return token


@pytest.fixture(scope="module")
def service(home: Path, operator: str) -> Iterator[Running]:
    started = time.monotonic()
    with running(home, QIANXIAN_WORKERS="2", QIANXIAN_RATE_LIMIT="10000000", QIANXIAN_LOG_LEVEL="info") as service:
        service.wait_until_ready()
        say(f"ready {time.monotonic() - started:.2f} s after the start of the process")
        yield service


@pytest.fixture(scope="module")
def questions(service: Running, operator: str) -> list[bytes]:
    """Needs by id, with explanations."""
    answer = httpx.get(
        f"{service.url}/v1/entities/need", params={"limit": 100}, headers={"Authorization": f"Bearer {operator}"}
    )
    ids = [record["id"] for record in answer.raise_for_status().json()["records"]]
    while len(ids) < ASKED and (cursor := answer.json()["next"]):
        answer = httpx.get(
            f"{service.url}/v1/entities/need",
            params={"limit": 100, "cursor": cursor},
            headers={"Authorization": f"Bearer {operator}"},
        )
        ids += [record["id"] for record in answer.raise_for_status().json()["records"]]
    return [orjson.dumps({"subject": id, "limit": 20, "explain": True}) for id in ids[:ASKED]]


def load(
    service: Running, token: str, questions: list[bytes], folder: Path, connections: int, *,
    delay: int | None = None, kind: str = "need-expert",
) -> dict[str, float]:  # fmt: skip
    """What wrk measured; with `delay`, each connection waits as many milliseconds between two requests."""
    bodies = folder / "bodies.jsonl"
    bodies.write_bytes(b"\n".join(questions) + b"\n")
    script = folder / "load.lua"
    pause = f"function delay() return {delay} end" if delay else ""
    script.write_text(
        SCRIPT.replace("TOKEN", token).replace("BODIES", str(bodies)).replace("DELAY", pause), encoding="utf-8"
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "--timeout", "10", "-s", str(script)]
    done = subprocess.run([*command, f"{service.url}/v1/matches/{kind}"], check=True, capture_output=True, text=True)
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", done.stdout)}


@pytest.mark.parametrize("kind", ["need-expert", "need-patent", "need-instrument"])
def test_sustained_rate(service: Running, operator: str, questions: list[bytes], tmp_path: Path, kind: str) -> None:
    load(service, operator, questions, tmp_path, connections=4, kind=kind)  # both workers have seen every question once
    found = load(service, operator, questions, tmp_path, connections=8, kind=kind)
    say(f"top 20 of {kind} with explanation, as fast as it goes on 8 connections: {found}")
    assert found["bad"] == 0


def test_latency_at_100_a_second(service: Running, operator: str, questions: list[bytes], tmp_path: Path) -> None:
    found = load(service, operator, questions, tmp_path, connections=4, delay=33)
    say(f"top 20 with explanation, paced (milliseconds): {found}")
    assert found["bad"] == 0


def test_a_new_need_is_visible(service: Running, operator: str) -> None:
    took = []
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {operator}"}) as http:
        for number in range(5):
            path = f"bench-{time.time_ns()}-{number}"
            http.put(f"/v1/entities/need/{path}", json={"title": f"散热测试 {number}"}).raise_for_status()
            started = time.monotonic()
            question = {"subject": path}
            until(lambda question=question: http.post("/v1/matches/need-expert", json=question).status_code == 200)
            took.append(time.monotonic() - started)
    say(f"a new need is in the answers after (seconds): {', '.join(f'{t:.2f}' for t in sorted(took))}")


def test_memory(service: Running) -> None:
    parent = psutil.Process(service.process.pid)
    tree = [parent, *parent.children(recursive=True)]
    pss = sum(process.memory_full_info().pss for process in tree)
    say(f"memory of {len(tree)} processes, shared pages counted once: {pss / 2**20:.0f} MiB")
