"""The service as a process tree: several workers, fresh answers, an orderly end."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from starlette.testclient import TestClient

from api.app import app_of
from api.casework import keys
from api.installation import open_casework
from api.metrics import Builds, Metrics
from api.serve import HOPELESS, _environment as environment_of, serve
from api.settings import Settings, load
from graph.errors import InputError, StoreError
from matching.masking import Mask
from tests.api.running import START, Running, running, until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve") / "home"


@pytest.fixture(scope="module")
def operator(home: Path) -> str:
    casework = open_casework(Settings(home=home))
    token, _ = keys.issue(casework, role="operator", parties=["*"])
    casework.close()
    return token


@pytest.fixture(scope="module")
def service(home: Path, operator: str) -> Iterator[Running]:
    with running(home, QIANXIAN_WORKERS="2", QIANXIAN_RATE_LIMIT="10000000") as service:
        service.wait_until_ready()
        yield service


def test_a_need_written_over_http_is_in_the_answers_of_every_worker(service: Running, operator: str) -> None:
    headers = {"Authorization": f"Bearer {operator}"}
    with httpx.Client(base_url=service.url, headers=headers) as http:
        assert http.put("/v1/entities/need/n1", json={"title": "功率芯片散热"}).status_code == 201
        started = time.monotonic()
        http.put("/v1/entities/expert/e1", json={"bio": "功率芯片散热研究"})

        def everywhere() -> bool:
            codes = []
            for _ in range(10):  # each on a connection of its own, so that both workers answer some
                answer = httpx.post(f"{service.url}/v1/matches/need-expert", json={"subject": "n1"}, headers=headers)
                codes.append(answer.status_code == 200 and bool(answer.json()["groups"]))
            return all(codes)

        until(everywhere)
        assert time.monotonic() - started < 20  # the figure itself is measured in tests/benchmarks


def metric(service: Running, start: str, part: str = "") -> float:
    """The sum over the lines of /metrics that begin with `start` and hold `part`."""
    lines = httpx.get(f"{service.url}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start) and part in line)


def test_metrics_add_up_over_the_workers(service: Running) -> None:
    def total() -> float:
        return metric(service, "qianxian_requests_total", 'route="/healthz"')

    before = total()
    for _ in range(20):
        httpx.get(f"{service.url}/healthz")
    assert total() - before == 20


def test_services_on_one_home_keep_their_metrics_apart(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    settings = load(home=tmp_path)
    folders = tmp_path / "run" / "metrics"
    for name in (ended.pid, os.getppid(), os.getpid(), "counter_1.db"):
        (folders / str(name)).mkdir(parents=True)
        (folders / str(name) / "counter_1.db").touch()
    with environment_of(settings):
        assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(folders / str(os.getpid()))
        left = {folder.name: [file.name for file in folder.iterdir()] for folder in folders.iterdir()}
    assert left == {str(os.getppid()): ["counter_1.db"], str(os.getpid()): []}


def test_no_mapped_file_has_holes_to_write_to_when_the_disk_is_full(service: Running, home: Path) -> None:
    assert service.process.poll() is None
    files = [home / "run" / "allowance", *(home / "run" / "metrics").glob("*/*.db")]
    assert len(files) >= 7  # three of each server, at least one of the builder
    assert not [file.name for file in files if file.stat().st_blocks * 512 < file.stat().st_size]


def test_without_room_for_counts_a_process_works_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr("api.metrics.reserve", full)
    counted = Metrics()
    counted.ready(True)
    counted.answered("GET", "/healthz", 200, 0.1)
    Builds().built("done")
    assert counted.render() == b""
    assert list(tmp_path.iterdir()) == []


def test_builds_are_counted(service: Running, operator: str) -> None:
    def builds() -> float:
        return metric(service, "qianxian_builds_total", 'outcome="done"')

    before = builds()
    headers = {"Authorization": f"Bearer {operator}"}
    httpx.put(f"{service.url}/v1/entities/need/counted", json={"title": "x"}, headers=headers).raise_for_status()
    until(lambda: builds() > before)
    assert metric(service, "qianxian_ready ") == 1


def holds(process: psutil.Process, name: str) -> bool:
    try:
        return any(file.path.endswith(name) for file in process.open_files())
    except psutil.NoSuchProcess:  # ended between being listed and being asked
        return False


def test_a_dead_builder_is_replaced(service: Running, operator: str) -> None:
    def builders() -> list[psutil.Process]:
        # Spawned children are told apart by what they hold: only the builder holds the lock file.
        return [c for c in psutil.Process(service.process.pid).children(recursive=True) if holds(c, "build.lock")]

    until(lambda: len(builders()) == 1)
    first = builders()[0]
    first.kill()
    until(lambda: [b.pid for b in builders()] not in ([], [first.pid]))
    headers = {"Authorization": f"Bearer {operator}"}
    httpx.put(f"{service.url}/v1/entities/need/late", json={"title": "late"}, headers=headers).raise_for_status()
    until(
        lambda: any(
            r["id"] == "late" for r in httpx.get(f"{service.url}/v1/entities/need", headers=headers).json()["records"]
        )
    )


def test_a_server_that_died_is_not_asked_whether_it_is_ready(service: Running, home: Path) -> None:
    def servers() -> set[int]:
        return {int(path.stem.rpartition("_")[2]) for path in (home / "run" / "metrics").glob("*/gauge_livemin_*.db")}

    until(lambda: len(servers()) == 2)
    first = min(servers())
    psutil.Process(first).kill()
    until(lambda: first not in servers() and len(servers()) == 2)
    until(lambda: metric(service, "qianxian_ready ") == 1)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(map(lives, processes))


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # ended between the two questions
        return False


def test_a_crash_is_a_problem_over_the_wire_too(home: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import api.routes.health\n"
        "async def crash(): raise RuntimeError('secret words')\n"
        "api.routes.health.healthz = crash\n"
    )
    with running(home, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}", QIANXIAN_WORKERS="1") as service:
        service.wait_until_ready()
        answer = httpx.get(f"{service.url}/healthz")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["instance"].startswith("urn:qianxian:request:")
        assert "secret" not in answer.text
        assert httpx.get(f"{service.url}/v1/kinds").status_code == 200
        assert b"secret words" not in service.log.read_bytes()


@pytest.mark.parametrize("sent", [b"no http at all\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 600_000, b"G" * 600_000])
def test_what_is_no_http_gets_a_problem_too(service: Running, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])), timeout=20) as connection:
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(sent), 50_000):
                connection.sendall(sent[start : start + 50_000])
                time.sleep(0.01)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = connection.recv(65_536)
    assert not answer or b"application/problem+json" in answer
    assert httpx.get(f"{service.url}/healthz").status_code == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_on_sigterm_running_requests_finish_and_the_exit_code_is_0(home: Path, operator: str, workers: str) -> None:
    with running(home, QIANXIAN_WORKERS=workers) as service:
        service.wait_until_ready()
        port = int(service.url.rpartition(":")[2])
        children = psutil.Process(service.process.pid).children(recursive=True)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            head = (
                f"PUT /v1/entities/need/slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {operator}\r\n"
                "Content-Type: application/json\r\nContent-Length: 17\r\n\r\n"
            )
            connection.sendall(head.encode() + b'{"title"')
            time.sleep(0.5)  # the request is with a worker now
            service.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            connection.sendall(b': "slow"}')
            answer = connection.recv(65_536)
        assert answer.split(b" ")[1] in {b"200", b"201"}, answer
        assert service.process.wait(30) == 0
        until(lambda: gone(children))
        assert service.events()[-1]["event"] == "stopped"


def test_a_server_answers_only_once_it_has_looked_for_what_was_built(home: Path, service: Running) -> None:
    with running(home, QIANXIAN_WORKERS="2") as again:  # `service` has built
        answered: list[int] = []

        def enough() -> bool:
            answered.append(httpx.get(f"{again.url}/readyz").status_code)
            return len(answered) > 20

        until(enough)
        assert set(answered) == {200}


def test_names_are_made_ready_before_a_free_text_asks(
    office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(office, tmp_path / "home")
    redacted: list[str] = []
    monkeypatch.setattr(Mask, "redact", lambda _self, text: redacted.append(text))
    with TestClient(app_of(Settings(home=tmp_path / "home"))) as http:
        assert http.get("/readyz").status_code == 200
        until(lambda: redacted == [""])


def test_nothing_outlives_a_killed_service(home: Path) -> None:
    with running(home, QIANXIAN_WORKERS="2") as service:
        service.wait_until_ready()
        children = psutil.Process(service.process.pid).children(recursive=True)
        assert len(children) >= 3
        service.process.kill()
        until(lambda: gone(children))


def test_what_lies_in_the_folder_it_was_started_from_is_no_part_of_it(home: Path, tmp_path: Path) -> None:
    for name in ("api.py", "graph.py", "uvicorn.py"):
        (tmp_path / name).write_text("raise SystemExit('not mine')\n")
    start = f"import sys; sys.path[0] = {str(ROOT)!r}\n{START}"  # as an installed command finds it
    with running(home, start, tmp_path, QIANXIAN_WORKERS="1") as service:
        service.wait_until_ready()
        assert b"not mine" not in service.log.read_bytes()


def test_servers_that_die_at_once_end_the_service(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import api.app\napi.app.app_of = None\n")
    with running(tmp_path / "home", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}") as service:
        assert service.process.wait(60) != 0
        assert b"the server processes die at once" in service.log.read_bytes()


def test_servers_that_find_the_disk_full_say_so_and_are_tried_again(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import api.app, api.serve, errno\n"
        "def full(_settings): raise OSError(errno.ENOSPC, 'No space left on device', 'secret-name')\n"
        "api.app.app_of = full\n"
        "api.serve.TICK = 0.01\n"
    )
    with running(tmp_path / "home", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}") as service:
        until(lambda: [e["event"] for e in service.events()].count("cannot_start") > HOPELESS + 1)
        assert service.process.poll() is None
        log = service.log.read_text()
        assert "no space left" in log
        assert "secret-name" not in log


def test_a_port_in_use_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port}"):
            serve(Settings(home=tmp_path, port=port))


def test_a_wrong_store_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="valid: sqlite"):
        serve(Settings(home=tmp_path, store="mysql://host/db"))


def test_importing_opens_nothing(tmp_path: Path) -> None:
    code = "import api.app, api.serve, api.casework.keys; import threading; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=None, check=True)
    assert done.stdout.split() == ["1"]
    assert threading.active_count() >= 1
    assert list(tmp_path.iterdir()) == []
