"""Runs what a page of documentation shows, in the order in which a reader would.

Fenced blocks say in their info string what they are:

    ```sh run               commands, in one shell session for the whole page
    ```python run           a script
    ```json file=a/b.json   (any language) a file to make
    ```text output          lines that the block before must have printed, in this order; … stands for anything

Port 8000 is replaced by a free one, so that nothing that runs on the machine is in the way; the language is English.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 240
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "-- end of block {} --"


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    info: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block is."""
        return next((word[5:] for word in self.info.split() if word.startswith("file=")), None)

    @property
    def runs(self) -> bool:
        """Whether it is to be executed."""
        return "run" in self.info.split()


def pages() -> list[Path]:
    """Every page of documentation."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    return [Block(*match.groups()) for match in FENCE.finditer(page.read_text(encoding="utf-8"))]


def script(found: list[Block]) -> str:
    """The page as one shell script."""
    lines = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"]
    for number, block in enumerate(found):
        if block.file is not None:
            lines += [f"mkdir -p $(dirname {block.file})", f"cat > {block.file} <<'END_OF_FILE'"]
            lines += [block.text.rstrip("\n"), "END_OF_FILE"]
        elif block.runs and block.language == "python":
            lines += ["python - <<'END_OF_SCRIPT'", block.text.rstrip("\n"), "END_OF_SCRIPT"]
        elif block.runs:
            lines.append(block.text)
        lines.append(f"echo; echo '{MARK.format(number)}'")
    return "\n".join(lines)


def run(page: Path, scratch: Path) -> None:
    """Run a page in an empty folder; AssertionError where a command fails or an output is another."""
    found = blocks(page)
    port = _free_port()
    (scratch / "bin").mkdir()
    _command(scratch / "bin" / "qianxian", "-c 'from api.cli import main; main()'")
    _command(scratch / "bin" / "python", "")
    here = scratch / "reader"
    here.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QIANXIAN_", "LC_"))}
    environment = {
        **kept,
        "LANG": "C.UTF-8",
        "PATH": f"{scratch / 'bin'}:{os.environ['PATH']}",
        "QIANXIAN_PORT": str(port),
    }
    process = subprocess.Popen(
        [str(shutil.which("bash")), "-c", script(found).replace("127.0.0.1:8000", f"127.0.0.1:{port}")],
        cwd=here, env={**environment, "PYTHONPATH": str(ROOT)}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == 0, f"{page.name} ended with {process.returncode}:\n{output[-4000:]}"
    _compare(found, output)


def _command(path: Path, arguments: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def _compare(found: list[Block], output: str) -> None:
    printed = re.split(r"-- end of block \d+ --\n?", output)
    for number, block in enumerate(found):
        if "output" not in block.info.split():
            continue
        rest = printed[number - 1]
        for line in filter(None, map(str.strip, block.text.splitlines())):
            wanted = re.search(".*?".join(re.escape(part) for part in line.split("…")), rest)
            assert wanted, f"{line!r} is not in what was printed:\n{rest[-3000:]}"
            rest = rest[wanted.end() :]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
