"""Commands in forks of the warm Python do what they do in processes that start from nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support import warm

TELL = """\
import os, signal, sys
print(sys.argv[1:], __name__, os.getcwd(), os.environ.get("TOLD"), sys.stdin.read())
print(sys.path[:2], signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
print([name for name in sys.modules if name.split(".")[0] in ("ecslm", "support")])
print("aside", file=sys.stderr)
"""
ENDS = (
    "",
    "sys.exit(3)",
    "sys.exit('words')",
    "raise SystemExit(300)",
    "1 / 0",
    "import atexit; atexit.register(print, 'last'); sys.exit(1)",
    "import threading; threading.Timer(0.1, print, ['last']).start()",
    "os.kill(os.getpid(), signal.SIGTERM)",
    "signal.raise_signal(signal.SIGINT)",
    "os._exit(7)",
)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script in a folder of its own."""
    path = tmp_path / "scripts/tell.py"
    path.parent.mkdir()
    return path


@pytest.mark.parametrize("end", ENDS)
def test_a_script_has_its_surroundings_and_ends_as_it_would(script: Path, end: str) -> None:
    script.write_text(TELL + end)
    folder = script.parents[1]
    environment = os.environ | {"TOLD": "yes", "PYTHONPATH": str(folder)}
    command = [str(script), "one", "two words"]
    found = warm.run(command, folder, environment)
    expected = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (expected.returncode, expected.stdout)
    assert found.stderr.splitlines()[0] == "aside"
    assert found.stderr.splitlines()[-1:] == expected.stderr.splitlines()[-1:]


def test_what_a_command_starts_as_python_is_warm_too_and_everything_else_is_not(
    script: Path,
) -> None:
    script.write_text("import sys\nprint('torch' in sys.modules, *sys.argv[1:])\nsys.exit(4)\n")
    ask = "import sys; print(sys.modules.get('torch'))"
    commands = (f"{script} a", f"-u {script} b", f'-c "{ask}"')
    code = f"""\
import os, subprocess, sys
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
for command in {commands!r}:
    print(subprocess.run("python " + command, shell=True).returncode, flush=True)
"""
    run = warm.run(["-c", code], script.parent)
    assert run.stdout.split("\n") == ["True a", "4", "True b", "4", "None", "0", ""], run.stderr


def test_this_process_may_start_warm_ones_too(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.write_text("import sys\nprint('torch' in sys.modules)\n")
    warm.stand_in(monkeypatch)
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"


STARTS = """\
import os, subprocess, sys, time
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
try:
    sys.exit(subprocess.run(["bash", "-c", "python waits.py; exit $?"]).returncode)
except KeyboardInterrupt:
    sys.exit(5)
"""
WAITS = """\
import os, signal, time
from pathlib import Path
Path("job.new").write_text(str(os.getpid()))
os.rename("job.new", "job")
try:
    time.sleep(60)
except KeyboardInterrupt:
    Path("caught").touch()
"""


def started(folder: Path) -> tuple[warm.WarmProcess, psutil.Process]:
    """A process that leads a group, and the Python process that it has started in a shell."""
    (folder / "waits.py").write_text(WAITS)
    with (folder / "printed").open("wb") as printed:
        lead = warm.start(["-c", STARTS], folder, printed, printed, os.environ)
    end = time.monotonic() + 60
    while not (folder / "job").exists():
        assert lead.poll() is None and time.monotonic() < end, (folder / "printed").read_text()
        time.sleep(0.01)
    return lead, psutil.Process(int((folder / "job").read_text()))


def test_a_signal_to_the_group_reaches_what_it_has_started(tmp_path: Path) -> None:
    lead, job = started(tmp_path)
    assert lead.pid == os.getpgid(lead.pid) == os.getpgid(job.pid)
    os.killpg(lead.pid, signal.SIGINT)
    assert lead.wait(60) == 5
    job.wait(60)
    assert (tmp_path / "caught").exists()


def test_a_job_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    lead, job = started(tmp_path)
    lead.kill()
    assert lead.wait(60) == -signal.SIGKILL
    time.sleep(0.2)
    assert job.is_running()
    os.kill(job.pid, signal.SIGINT)
    job.wait(60)
    assert (tmp_path / "caught").exists()
