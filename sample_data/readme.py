"""Sees that README.md says what the command says of each file in trouble/ now.

python sample_data/readme.py            complain and exit with 1
python sample_data/readme.py --write    put what it says now into README.md
python sample_data/readme.py --json     print what it says, how long it took, how much memory

The real command runs over every file, each time in a process of its own. They are forked from
this one, for the imports would take most of the time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple

import bulk_provision.cli.plan
import bulk_provision.cli.reporting
import bulk_provision.job  # noqa: F401 - imported once here, for all processes
from books import Trouble
from bulk_provision.__main__ import main as command
from bulk_provision.ledger import Ledger
from troubles import GROUPS

HERE = Path(__file__).parent
README = HERE / "README.md"
_START = "<!-- What follows is written by `readme.py --write`. -->\n"
_WIDTH = 98
_CALLS = re.compile(r"  [\d,]+ calls?, ")
_COUNT = re.compile(r" +([\d,]+ (?!calls?\b)[^(]*[^( ]).*")  # without a remark in brackets
_AT_ONCE = 2 * (os.cpu_count() or 1)  # half of the time, each waits for a process of its own


@dataclass(frozen=True)
class Told:
    """What the command said of a file.

    Args:
        name: the file's.
        expected: the exit code that it should end with.
        code: the one that it did end with; negative for a signal.
        said: on standard output and standard error.
        seconds: that it took.
        memory: MiB, the most that it or a process that it started had.
    """

    name: str
    expected: int
    code: int
    said: str
    seconds: float
    memory: int


class _Running(NamedTuple):
    trouble: Trouble
    output: IO[bytes]
    started: float


def told_of_all() -> dict[Trouble, Told]:
    """Run the command over every file, as many at once as there are cores."""
    waiting = [trouble for group in GROUPS.values() for trouble in group]
    running: dict[int, _Running] = {}
    found = {}
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name) / "empty"
        empty.mkdir()
        os.waitpid(_forked(lambda: Ledger(str(empty / "ledger.db")).close()), 0)
        while waiting or running:
            while waiting and len(running) < _AT_ONCE:
                trouble = waiting.pop(0)
                folder = Path(shutil.copytree(empty, Path(name) / str(len(waiting))))
                output = tempfile.TemporaryFile()  # noqa: SIM115 - `_ended` closes it
                process = _forked(lambda: _plan(trouble, folder, output))  # noqa: B023 - at once
                running[process] = _Running(trouble, output, time.monotonic())
            process, status, used = os.wait4(-1, 0)
            run = running.pop(process)
            found[run.trouble] = _ended(run, status, used.ru_maxrss >> 10)
    return found


def _forked(work: Callable[[], object]) -> int:
    """Do some work in a new process; return its id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _plan(trouble: Trouble, folder: Path, output: IO[bytes]) -> None:
    """Be the command `bulk-provision plan FILE`, started in the folder of the files."""
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    os.chdir(HERE / "trouble")
    for name in [name for name in os.environ if name.startswith("BULK_PROVISION_")]:
        del os.environ[name]
    os.environ |= dict(one.split("=") for one in trouble.variables.split())
    asked = f"plan {trouble.name} --appid 1 {trouble.options} --ledger {folder / 'ledger.db'}"
    sys.argv[1:] = asked.split()
    command()


def _ended(run: _Running, status: int, memory: int) -> Told:
    seconds = time.monotonic() - run.started
    with run.output as output:
        output.seek(0)
        said = output.read().decode()
    code = os.waitstatus_to_exitcode(status)
    return Told(run.trouble.name, run.trouble.code, code, said, seconds, memory)


def written(told: dict[Trouble, Told]) -> str:
    """Return the part of README.md that tells of each file."""
    lines = []
    for heading, troubles in GROUPS.items():
        lines += [f"\n## {heading}\n"]
        for trouble in troubles:
            said, ended = _said(told[trouble])
            lines += [f"\n**[{trouble.name}](trouble/{trouble.name})**: {trouble.what}"]
            if said or trouble.options:
                shown = [*_command(trouble), *said, ended]
                lines += ["\n\n```text\n", *(f"{line}\n" for line in shown), "```\n"]
            else:
                lines += [f" *No complaint; {ended}.*\n"]
    return "".join(lines)


def _command(trouble: Trouble) -> Iterator[str]:
    if trouble.options:
        before = f"{trouble.variables} " if trouble.variables else ""
        yield f"$ {before}bulk-provision plan {trouble.name} --appid 1 {trouble.options}"


def _said(told: Told) -> tuple[list[str], str]:
    """Return what was said of problems, in lines of moderate width; and how it ended.

    Which file it was, and how many calls there will be, is left out.
    """
    lines, counts = [], []
    for line in told.said.splitlines():
        if count := _COUNT.fullmatch(line):
            counts.append(count[1])
        elif not (_CALLS.match(line) or re.fullmatch(rf"{re.escape(told.name)}\b.*:", line)):
            lines += _folded(line)
    ended = f"exit code {told.code}"
    return lines, f"{ended}: {', '.join(counts)}" if counts else ended


def _folded(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line,
        _WIDTH,
        initial_indent="",
        subsequent_indent=f"{indent}    ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def main() -> int:
    """Compare README.md with what is said now, or write it; return the exit code."""
    told = told_of_all()
    if "--json" in sys.argv:
        print(json.dumps([asdict(told[one]) for group in GROUPS.values() for one in group]))
    old = README.read_text("utf-8")
    before = old.partition(_START)[0]
    fresh = before + _START + written(told)
    if "--write" in sys.argv:
        README.write_text(fresh, "utf-8")
    elif fresh != old:
        print("sample_data/README.md is old: readme.py --write mends it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
