"""The reading process killed, stopped, interrupted, orphaned; or taken over."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from bulk_provision.errors import SourceError, StoppedError
from bulk_provision.intake import open_table
from bulk_provision.intake.apart import reading as reading_module
from bulk_provision.intake.apart.wire import FRAME_LIMIT, HEAD, Message, framed
from commands import environment
from workbooks import read

pytestmark = pytest.mark.usefixtures("read_apart")

HONEST = {"sheets": [{"name": "", "hidden": False, "ragged": True}]}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text("username\n" + "".join(f"user.{place}\n" for place in range(20_000)))
    return path


def children():
    return set(psutil.Process().children())


def answers(monkeypatch, *frames):
    """Let the child be one that answers this, whatever it is asked."""
    told = b"".join(frames).hex()
    program = f"import os; os.write(1, bytes.fromhex('{told}')); os.read(0, 1 << 20)"
    monkeypatch.setattr(reading_module, "_START", f"{program}; os.read(0, 1 << 20)")


def refused(path):
    with pytest.raises(SourceError) as told:
        read(path)
    assert str(path) in told.value.what
    assert told.value.cure
    return told.value.what


class TestSignals:
    def test_killed_in_the_middle(self, path):
        before = children()
        with open_table(str(path)) as table:
            (child,) = children() - before
            rows = table.rows()
            next(rows)
            child.kill()
            with pytest.raises(SourceError, match="went wrong"):
                list(rows)
        assert children() == before

    def test_stopped_in_the_middle(self, path, monkeypatch):
        with open_table(str(path)) as table:
            (child,) = psutil.Process().children()
            child.suspend()
            monkeypatch.setattr(reading_module, "_SECONDS", 0.3)
            with pytest.raises(SourceError, match="longer than"):
                list(table.rows())
        assert not child.is_running()

    def test_interrupted_in_the_middle_it_is_no_fault_of_the_file(self, path):
        with open_table(str(path)) as table:
            (child,) = psutil.Process().children()
            child.send_signal(signal.SIGINT)
            with pytest.raises(StoppedError, match=r"Nothing was called: interrupted") as told:
                list(table.rows())
        assert told.value.exit_code == 130

    def test_it_ends_when_its_parent_is_killed_even_in_the_middle_of_an_answer(self, path):
        endless = "child.open_book = lambda *_: [None for _ in iter(int, 1)]"
        program = (
            "import sys; from bulk_provision.intake import open_table;"
            "from bulk_provision.intake.apart import reading;"
            "reading._START = reading._START.replace("
            "'.child import main; main()', ' import child; ' + sys.argv[2] + '; child.main()');"
            "open_table(sys.argv[1])"
        )
        parent = subprocess.Popen([sys.executable, "-c", program, str(path), endless])
        child = only_child(parent.pid)
        time.sleep(0.3)  # until it is at work; sooner would do as well
        parent.kill()
        parent.wait()
        gone, _ = psutil.wait_procs([child], timeout=20)
        assert gone

    def test_what_is_asked_is_not_waited_for_without_end(self, path, monkeypatch):
        with open_table(str(path)) as table:
            (child,) = psutil.Process().children()
            child.suspend()
            monkeypatch.setattr(reading_module, "_SECONDS", 0.3)
            with pytest.raises(SourceError, match="longer than"):
                table._book._ask({"notes": "x" * 1_000_000})

    def test_tables_in_threads_do_not_meet(self, path):
        found = {}

        def count(name):
            with open_table(str(path)) as table:
                found[name] = len(list(table.rows()))

        threads = [threading.Thread(target=count, args=(name,)) for name in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == dict.fromkeys(range(3), 20_000)


def only_child(pid):
    for _ in range(1000):
        if found := psutil.Process(pid).children():
            return found[0]
        time.sleep(0.01)
    raise AssertionError("it has no child")


@pytest.mark.parametrize("command", ["plan", "run"])
def test_ctrl_c_while_a_source_is_read(tmp_path, command):
    path = tmp_path / "users.csv"
    with path.open("w") as file:
        file.write("username,password\n")
        file.writelines(f"user.{place},Chosen-{place}-x\n" for place in range(150_000))
    arguments = [sys.executable, "-m", "bulk_provision", command, "users.csv", "--appid", "7"]
    process = subprocess.Popen(
        [*arguments, "--base-url", "http://127.0.0.1:9/v1"],
        cwd=tmp_path,
        env=environment(None, tmp_path, BULK_PROVISION_SECRET="s"),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    child = only_child(process.pid)
    while child.cpu_times().user < 0.15:  # it reads
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    shown = (out + err).decode()
    assert process.returncode == 130, shown
    assert "interrupted by Ctrl-C" in shown
    assert "Traceback" not in shown
    assert "did not come to an end" not in shown
    assert not child.is_running()


EXPORT = {
    "name": "freepbx", "title": "FreePBX", "certainty": 2, "login": "id", "password": "secret",
    "left": {}, "further": ["name"], "counted": "row", "others": [],
}  # fmt: skip
NONSENSE = [
    None, 1, "x", [], {}, {"sheets": None}, {"sheets": [1]}, {"sheets": [{}]},
    {"sheets": [{"name": 1, "hidden": False, "ragged": True}]},
    {"sheets": [{"name": "\ud800", "hidden": False, "ragged": True}]},
    {"sheets": [{"name": "", "hidden": 0, "ragged": True}]},
    {"sheets": HONEST["sheets"] * 1001},
    {"error": 1, "cure": ""}, {"error": "x"}, {"error": "x", "cure": "", "no_export": 0},
    {**HONEST, "export": 1}, {**HONEST, "export": {}}, {**HONEST, "export": {**EXPORT, "name": 1}},
    {**HONEST, "export": {**EXPORT, "certainty": 3}},
    {**HONEST, "export": {**EXPORT, "certainty": True}},
    {**HONEST, "export": {**EXPORT, "left": {"a": 1}}},
    {**HONEST, "export": {**EXPORT, "further": ["a", 1]}},
    {**HONEST, "export": {**EXPORT, "further": ["\ud800"]}},
]  # fmt: skip


@pytest.mark.parametrize("message", NONSENSE)
def test_sheets_that_make_no_sense(path, monkeypatch, message):
    answers(monkeypatch, framed(message))
    assert "makes no sense" in refused(path)


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff\xff\xff\xffJ",
        b"\x00\x00\x00\x02J{{",
        b"\x00\x00\x00\x01J\xff",
        b"\x00\x00\x00\x01P\xff",
        (FRAME_LIMIT // 64).to_bytes(4) + b"J" + b"[" * (FRAME_LIMIT // 64),
    ],
)
def test_frames_that_make_no_sense(tmp_path, monkeypatch, frame):
    path = tmp_path / "users.csv"
    path.write_text("username\nasha\n")
    file = tmp_path / "frame"
    file.write_bytes(frame)
    program = f"import os; os.write(1, open({str(file)!r}, 'rb').read()); os.read(0, 1 << 20)"
    monkeypatch.setattr(reading_module, "_START", program)
    assert "makes no sense" in refused(path)


DOUBT = ["k", "why", "cure", False]


def records(*told, doubts=(), more=False):
    return {"records": list(told), "doubts": list(doubts), "more": more}


@pytest.mark.parametrize(
    "message",
    [
        {}, records(1), records([]), records([1]), records([1, 2]), records([1, ["a"], []]),
        records(["1", ["a"]]), records([True, ["a"]]), records([0, ["a"]]), records([-1, ["a"]]),
        records([1.0, ["a"]]), records([10_000_001, ["a"]]), records([2, ["a"]], [2, ["b"]]),
        records([2, ["a"]], [1, ["b"]]), records([1, [1]]), records([1, [None]]),
        records([1, [["a"]]]), records([1, ["\x00"]]), records([1, ["\ud800"]]),
        records([1, ["a"] * 16_385]), records(more=True), records([1, ["a"]], more=1),
        records([1, ["a"], [0], []]), records([1, ["a"], [], [0]]),
        records([1, ["a"], [], [0, 0]]), records([1, ["a"], [], [1, 0]], doubts=[DOUBT]),
        records([1, ["a"], [], [-1, 0]], doubts=[DOUBT]),
        records([1, ["a"], [-1], []], doubts=[DOUBT]),
        records([1, ["a"], [False], []], doubts=[DOUBT]),
        records([1, ["a"]], doubts=[["k", "why", "cure", 0]]),
        records([1, ["a"]], doubts=[["k", "why", "cure"]]),
        records(*[[place, []] for place in range(1, 1002)]),
    ],
)  # fmt: skip
def test_records_that_make_no_sense(message):
    frame = framed(message)
    with pytest.raises(ValueError):
        Message(frame[:HEAD], frame[HEAD:]).records(0)


@pytest.mark.parametrize(
    "content",
    ["", "a", "a\x1f", "a\x1fx", "a\x1f-1", "a\x1f0", "a\x1f2\x1eb\x1f2", "a\x001\x1f1",
     "a\x1f99999999", "\x1f" * 16_385 + "1", "\x1f" * 200_000 + "1", "a\x1f1\x1e" * 1001,
     "a\x1f" + "9" * 5000],
)  # fmt: skip
def test_plain_records_that_make_no_sense(content):
    for kind in (b"P", b"E", b"?"):
        with pytest.raises(ValueError):
            Message(b"\0\0\0\0" + kind, content.encode()).records(0)


@pytest.mark.parametrize(
    "notes", [None, [1], [[]], [["a"] * 7], [["a", "b", "c", "d", "e", 1, "f"]]]
)
def test_notes_that_make_no_sense(notes):
    frame = framed({"notes": notes})
    with pytest.raises(ValueError):
        Message(frame[:HEAD], frame[HEAD:]).notes()


def test_rows_that_never_end_are_given_up(path, monkeypatch):
    program = (
        "import os, sys, json\n"
        "def tell(value):\n"
        "    content = json.dumps(value).encode()\n"
        "    os.write(1, len(content).to_bytes(4) + b'J' + content)\n"
        f"os.read(0, 1 << 20); tell({HONEST!r})\n"
        "while os.read(0, 1 << 20): tell({'records': [], 'doubts': [], 'more': True})\n"
    )
    monkeypatch.setattr(reading_module, "_START", program)
    assert "makes no sense" in refused(path)


def test_what_an_error_says_cannot_command_a_terminal(path, monkeypatch):
    told = {"error": "\x1b[2J" + "x" * 20_000, "cure": "\x07do", "no_export": False}
    answers(monkeypatch, framed(told))
    with pytest.raises(SourceError) as told:
        read(path)
    assert told.value.what.startswith(f"{path}: <U+001B>[2Jxxx")
    assert len(told.value.what) < 3000
    assert told.value.cure == "<U+0007>do"


def test_a_column_of_dates_tells_its_doubt_once():
    from bulk_provision.intake.apart.wire import framed_records
    from bulk_provision.intake.cells import DATE, DoubtfulText

    wide = [(place, [DoubtfulText("x", DATE)] * 300, ()) for place in range(1, 1001)]
    frame = framed_records(wide, more=False)
    assert len(frame) < 6_000_000
    assert json.loads(frame[HEAD:])["doubts"] == [[DATE.kind, DATE.why, DATE.cure, False]]
