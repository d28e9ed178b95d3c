"""Real servers for tests and for a desk, without containers: Neo4j from Maven Central, PostgreSQL from Debian.

    python tools/servers.py all                    start both, print their addresses, stop them on Ctrl-C
    python tools/servers.py neo4j --dir DIR        start one in the background and keep its data in DIR
    python tools/servers.py neo4j --dir DIR --stop stop it; `rm -r DIR` forgets its data
    python tools/servers.py fetch                  only download Neo4j

What is printed can be given to a shell, and the tests then use these servers instead of starting their own; they empty
them: `eval "$(python tools/servers.py all --dir DIR)"`. What `qianxian` needs to keep its graph there is printed as a
comment: a store that tests empty is no store. Everything listens on loopback, on free ports, with generated
passwords. Jars are kept in $QIANXIAN_CACHE (default ~/.cache/qianxian) for the next time.
"""

from __future__ import annotations

import argparse
import json
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
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

POM = Path(__file__).with_name("neo4j-pom.xml")
NEO4J = "5.26.30"
START_SECONDS = 120
OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")


class Unavailable(Exception):
    """A server cannot be had on this machine; the message says what is missing."""


def cache() -> Path:
    """Where downloaded jars are kept."""
    return Path(os.environ.get("QIANXIAN_CACHE", Path.home() / ".cache" / "qianxian"))


def neo4j_jars() -> Path:
    """The folder of Neo4j's jars, downloaded on first use."""
    jars = cache() / f"neo4j-{NEO4J}"
    for program in ("java",) if jars.is_dir() else ("java", "mvn"):
        if shutil.which(program) is None:
            raise Unavailable(f"Neo4j needs {program}, which is not installed")
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as scratch:
        command = ["mvn", "-q", "-B", "-f", str(POM), f"-Dneo4j.version={NEO4J}", "dependency:copy-dependencies"]
        _run([*command, f"-DoutputDirectory={scratch}/jars"], seconds=900)
        try:
            os.replace(f"{scratch}/jars", jars)
        except OSError:
            if not jars.is_dir():  # else another process was faster
                raise
    return jars


@dataclass
class Neo4j:
    """A Neo4j server; `kill` and `start` again to see what survives."""

    folder: Path
    bolt: int
    http: int
    password: str
    pid: int | None = None
    """Its process while it runs."""
    ready: bool = False
    """Whether it knows its password."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def url(self) -> str:
        """Address with user and password."""
        return f"bolt://neo4j:{self.password}@127.0.0.1:{self.bolt}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        jars = neo4j_jars()
        self._configure()
        opens = [part for name in OPENED for part in ("--add-opens", f"java.base/{name}=ALL-UNNAMED")]
        folders = [f"--home-dir={self.folder}", f"--config-dir={self.folder / 'conf'}"]
        main = ["org.neo4j.server.CommunityEntryPoint", *folders]
        command = ["java", "-Xmx768m", "-XX:+UseSerialGC", *opens, "-cp", f"{jars}/*", *main]
        with (self.folder / "server.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._process, self.pid = process, process.pid
        try:
            self._await(process)
        except BaseException:
            self.kill()
            raise

    def _configure(self) -> None:
        settings = {
            "server.bolt.listen_address": f"127.0.0.1:{self.bolt}",
            "server.http.listen_address": f"127.0.0.1:{self.http}",
            "server.memory.pagecache.size": "256m",
            "dbms.usage_report.enabled": "false",
            "dbms.memory.transaction.total.max": "512m",
        }
        (self.folder / "conf").mkdir(parents=True, exist_ok=True)
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        (self.folder / "conf" / "neo4j.conf").write_text(text)

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the server answers; on its first start give it its password."""
        from neo4j import GraphDatabase
        from neo4j.exceptions import ClientError, DriverError, Neo4jError

        address = f"bolt://127.0.0.1:{self.bolt}"
        for _ in range(START_SECONDS * 2):
            if process.poll() is not None:
                said = (self.folder / "server.log").read_text(errors="replace").strip().splitlines()[-1:]
                raise Unavailable(f"Neo4j ended at once: {' '.join(said)}")
            try:
                if not self.ready:
                    with GraphDatabase.driver(address, auth=("neo4j", "neo4j"), max_transaction_retry_time=0) as driver:
                        change = "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password"
                        driver.execute_query(change, password=self.password, database_="system")
                    self.ready = True
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
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the server in an orderly way."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.pid is not None and self._is_running():
            os.kill(self.pid, how)
            for _ in range(300):
                if not self._is_running():
                    break
                time.sleep(0.1)
            else:
                os.kill(self.pid, signal.SIGKILL)
        self.pid = None

    def _is_running(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        try:  # started by another run of this program, and since then another process may have got its number
            return str(self.folder).encode() in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return False


@dataclass
class Postgres:
    """A PostgreSQL server."""

    folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """Address with user and password."""
        return f"postgresql://qianxian:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        programs = _postgres_programs()
        self.folder.mkdir(parents=True, exist_ok=True)
        data = self.folder / "data"
        who = _unprivileged(self.folder)
        if not data.is_dir():
            (self.folder / "password").write_text(self.password)
            _unprivileged(self.folder)
            words = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--username=qianxian"]
            password = f"--pwfile={self.folder / 'password'}"
            _run([*who, str(programs / "initdb"), "-D", str(data), "--no-sync", password, *words])
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._control("-l", str(self.folder / "log"), "-o", f"{options} -c max_connections=50", "start")

    def stop(self) -> None:
        """End the server."""
        self._control("-m", "immediate", "stop")

    def _control(self, *words: str) -> None:
        command = [str(_postgres_programs() / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-t", "60", *words]
        _run([*_unprivileged(), *command])


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise Unavailable("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    return (found[-1] if found else Path(str(on_path))).parent


@contextmanager
def neo4j_server(folder: Path) -> Iterator[Neo4j]:
    """A fresh Neo4j in an empty folder, which is of no use afterwards; Unavailable where it cannot be had."""
    server = Neo4j(folder, free_port(), free_port(), secrets.token_hex(16))
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def postgres_server() -> Iterator[str]:
    """Address of a fresh PostgreSQL in a folder of its own; Unavailable where it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="qianxian-postgres-") as scratch:
        server = Postgres(Path(scratch), free_port(), secrets.token_hex(16))
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


def _unprivileged(folder: Path | None = None) -> list[str]:
    """PostgreSQL refuses to run as root: the words that make it run as somebody else, who then owns the folder."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = next((name for name in ("postgres", "nobody") if name in names), None)
    if name is None or shutil.which("setpriv") is None:
        raise Unavailable("PostgreSQL does not run as root, and there is no other user to run it as")
    for path in (folder, *folder.iterdir()) if folder else ():
        shutil.chown(path, name)
    return ["setpriv", f"--reuid={name}", "--clear-groups", "--"]


def _run(command: list[str], seconds: int = 120) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, cwd="/"
    )
    if done.returncode:
        raise Unavailable(f"{' '.join(command[:6])} …: {done.stdout.strip()[-500:]}")


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- command line ------------------------------------------------------------------------------------------------------


def main() -> None:
    """Start or stop what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("neo4j", "postgres", "all", "fetch"))
    parser.add_argument("--dir", type=Path, help="keep the data here and run in the background")
    parser.add_argument("--stop", action="store_true", help="stop what runs in --dir")
    given = parser.parse_args()
    if given.stop and given.dir is None:
        parser.error("--stop needs --dir")
    names = ("neo4j", "postgres") if given.what == "all" else (given.what,)
    try:
        if given.what == "fetch":
            print(neo4j_jars())
        elif given.dir is None:
            _run_here(names)
        else:
            for name in names:
                (_stop if given.stop else _start)(name, given.dir.resolve())
    except Unavailable as error:
        sys.exit(f"error: {error}")


def _made(name: str, folder: Path) -> Neo4j | Postgres:
    password = secrets.token_hex(16)
    if name == "neo4j":
        return Neo4j(folder / name, free_port(), free_port(), password)
    return Postgres(folder / name, free_port(), password)


def _run_here(names: tuple[str, ...]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="qianxian-servers-") as scratch, ExitStack() as stack:
        os.chmod(scratch, 0o755)  # PostgreSQL's user must find its folder in it
        for name in names:
            server = _made(name, Path(scratch))
            server.start()
            stack.callback(server.stop)
            _announce(name, server)
        with suppress(KeyboardInterrupt):
            signal.pause()


def _start(name: str, folder: Path) -> None:
    server = _kept(name, folder) or _made(name, folder)
    if not _answers(server):
        server.start()
    file = folder / f"{name}.json"
    file.touch(mode=0o600)
    fields = {name: value for name, value in vars(server).items() if not name.startswith("_")}
    file.write_text(json.dumps(fields, default=str))
    _announce(name, server)


def _stop(name: str, folder: Path) -> None:
    server = _kept(name, folder)
    if server is not None and _answers(server):
        server.stop()


def _kept(name: str, folder: Path) -> Neo4j | Postgres | None:
    """The server that was started in a folder before."""
    file = folder / f"{name}.json"
    if not file.exists():
        return None
    fields = json.loads(file.read_text())
    fields["folder"] = Path(fields["folder"])
    return Neo4j(**fields) if name == "neo4j" else Postgres(**fields)


def _answers(server: Neo4j | Postgres) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.bolt if isinstance(server, Neo4j) else server.port)) == 0


def _announce(name: str, server: Neo4j | Postgres) -> None:
    print(f"export QIANXIAN_STORE={server.url}")
    print(f"# only for the tests, which empty it: export QIANXIAN_TEST_{name.upper()}={server.url}", flush=True)


if __name__ == "__main__":
    main()
