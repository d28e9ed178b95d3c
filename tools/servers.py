"""Real servers for tests and for a desk, without containers: Neo4j from Maven Central, PostgreSQL from Debian.

    python tools/servers.py neo4j       start one, print its address, stop it on Ctrl-C
    python tools/servers.py postgres
    python tools/servers.py fetch       only download Neo4j

Everything listens on loopback, on free ports, in a temporary folder. Jars are kept in $QIANXIAN_CACHE
(default ~/.cache/qianxian) for the next time.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

POM = Path(__file__).with_name("neo4j-pom.xml")
START_SECONDS = 120
OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")


class Unavailable(Exception):
    """A server cannot be had on this machine; the message says what is missing."""


def cache() -> Path:
    """Where downloaded jars are kept."""
    return Path(os.environ.get("QIANXIAN_CACHE", Path.home() / ".cache" / "qianxian"))


def neo4j_jars() -> Path:
    """The folder of Neo4j's jars, downloaded on first use."""
    jars = cache() / "neo4j-5.26.30"
    if (jars / ".complete").exists():
        return jars
    for program in ("mvn", "java"):
        if shutil.which(program) is None:
            raise Unavailable(f"Neo4j needs {program}, which is not installed")
    jars.mkdir(parents=True, exist_ok=True)
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise Unavailable(f"Maven could not fetch Neo4j: {done.stdout.strip().splitlines()[-1:]}")
    (jars / ".complete").touch()
    return jars


@dataclass
class Neo4j:
    """A Neo4j server; `kill` and `start` again to see what survives."""

    folder: Path
    bolt: int
    http: int
    password: str
    process: subprocess.Popen[bytes] | None = None
    _ready: bool = False

    @property
    def url(self) -> str:
        """Address with user and password."""
        return f"bolt://neo4j:{self.password}@127.0.0.1:{self.bolt}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        jars = neo4j_jars()
        opens = [part for name in OPENED for part in ("--add-opens", f"java.base/{name}=ALL-UNNAMED")]
        folders = [f"--home-dir={self.folder}", f"--config-dir={self.folder / 'conf'}"]
        main = ["org.neo4j.server.CommunityEntryPoint", *folders]
        command = ["java", "-Xmx768m", "-XX:+UseSerialGC", *opens, "-cp", f"{jars}/*", *main]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._await()

    def _await(self) -> None:
        """Wait until the server answers; on its first start give it its password."""
        from neo4j import GraphDatabase
        from neo4j.exceptions import ClientError, DriverError, Neo4jError

        address = f"bolt://127.0.0.1:{self.bolt}"
        for _ in range(START_SECONDS * 2):
            if self.process is None or self.process.poll() is not None:
                raise Unavailable(f"Neo4j ended at once; see {self.folder / 'server.log'}")
            try:
                if not self._ready:
                    with GraphDatabase.driver(address, auth=("neo4j", "neo4j"), max_transaction_retry_time=0) as driver:
                        change = "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password"
                        driver.execute_query(change, password=self.password, database_="system")
                    self._ready = True
                with GraphDatabase.driver(
                    address, auth=("neo4j", self.password), max_transaction_retry_time=0
                ) as driver:
                    driver.execute_query("RETURN 1")
                return
            except ClientError:
                raise
            except (DriverError, Neo4jError, OSError):
                time.sleep(0.5)
        raise Unavailable(f"Neo4j did not answer within {START_SECONDS} s")

    def kill(self) -> None:
        """End the server without any warning."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End the server in an orderly way."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


@contextmanager
def neo4j_server(folder: Path) -> Iterator[Neo4j]:
    """A fresh Neo4j in an empty folder; Unavailable where it cannot be had."""
    server = Neo4j(folder, free_port(), free_port(), secrets.token_hex(16))
    (folder / "conf").mkdir(parents=True)
    settings = {
        "server.bolt.listen_address": f"127.0.0.1:{server.bolt}",
        "server.http.listen_address": f"127.0.0.1:{server.http}",
        "server.memory.pagecache.size": "256m",
        "dbms.usage_report.enabled": "false",
        "dbms.memory.transaction.total.max": "512m",
    }
    (folder / "conf" / "neo4j.conf").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgres_server() -> Iterator[str]:
    """Address of a fresh PostgreSQL in a folder of its own; Unavailable where it cannot be had."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise Unavailable("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    programs = found[-1] if found else Path(str(on_path)).parent
    with tempfile.TemporaryDirectory(prefix="qianxian-postgres-") as scratch:
        folder = Path(scratch)
        port, password = free_port(), secrets.token_hex(16)
        (folder / "password").write_text(password)
        who = _unprivileged(folder)
        data = str(folder / "data")
        locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--username=qianxian"]
        _run([*who, str(programs / "initdb"), "-D", data, "--no-sync", f"--pwfile={folder / 'password'}", *locale])
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=50"
        control = [*who, str(programs / "pg_ctl"), "-D", data, "-w", "-t", "60"]
        _run([*control, "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield f"postgresql://qianxian:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"])


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: the words that make it run as somebody else, who then owns the folder."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = next((name for name in ("postgres", "nobody") if name in names), None)
    if name is None or shutil.which("setpriv") is None:
        raise Unavailable("PostgreSQL does not run as root, and there is no other user to run it as")
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, name)
    return ["setpriv", f"--reuid={name}", "--clear-groups", "--"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, cwd="/")
    if done.returncode:
        raise Unavailable(f"{Path(command[-1]).name}: {done.stdout.strip()[-500:]}")


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Start what the command line names and wait."""
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if what == "fetch":
        print(neo4j_jars())
        return
    if what not in {"neo4j", "postgres"}:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if what == "postgres":
            with postgres_server() as url:
                _announce(url)
        scratch = Path(tempfile.mkdtemp(prefix="qianxian-neo4j-"))
        try:
            with neo4j_server(scratch / "home") as server:
                _announce(server.url)
        finally:
            shutil.rmtree(scratch)
    except KeyboardInterrupt:
        pass
    except Unavailable as error:
        sys.exit(f"error: {error}")


def _announce(url: str) -> None:
    print(url, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
