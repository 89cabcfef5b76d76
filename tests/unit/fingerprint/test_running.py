"""Code that is edited while a run goes on: a result is made by the code that it names, or not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import SCRIPTS

from ecslm.fingerprint.running import code_parameter

# Runs what tests give it at three moments: while modules are loaded, between the check and an
# import, and after all imports.
JOB = '''"""A job."""

import os
from importlib import import_module
from pathlib import Path

from ecslm import early
from ecslm.schemas.settings import JobSettings
from ecslm.script import job, run_script

exec(os.environ.get("LOADING", ""))


class Settings(JobSettings):
    named: str = "metric"

    def modules(self):
        return (f"ecslm.{self.named}",)


@job()
def main(output: Path, settings: Settings):
    """Import the rest and write what all of it says.

    Args:
        output: the file
        settings: the name of a module
    """
    exec(os.environ.get("CHECKED", ""))
    from ecslm import late

    loaded = import_module(f"ecslm.{settings.named}")
    exec(os.environ.get("LOADED", ""))
    output.write_text(f"{early.value()}{late.value()}{loaded.value()}")


if __name__ == "__main__":
    run_script(main)
'''
MODULE = '"""A module."""\n\n\ndef value():\n    """Its value."""\n    return 1\n'
MODULES = ("early", "late", "metric", "unrelated")
REFUSED = (
    "error: --code: the code of scripts/job.py was edited since the run was planned: run again\n"
)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A directory of scripts with one job, a few modules, and what of the project it needs."""
    folder = tmp_path / "scripts"
    for package in ("common", "fingerprint", "schemas"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(SCRIPTS / "ecslm" / package, folder / "ecslm" / package, ignore=ignored)
    for name in ("__init__.py", "script.py"):
        shutil.copy(SCRIPTS / "ecslm" / name, folder / "ecslm")
    for name in MODULES:
        (folder / f"ecslm/{name}.py").write_text(MODULE)
    (folder / "ecslm/unrelated.py").write_text(MODULE.replace("return 1", "return 3"))
    (folder / "job.py").write_text(JOB)
    return folder


def edited(name: str) -> str:
    """Python code that edits a file of the directory of scripts, which is where it runs."""
    return f"p = Path({name!r}); p.write_text(p.read_text().replace('return 1', 'return 2'));"


def planned(scripts: Path) -> str:
    return code_parameter("job.py", ("ecslm.metric",), scripts)


def run(scripts: Path, code: str | None, *options: str, **moments: str) -> tuple[str | None, str]:
    """What the job writes, None where it writes nothing, and what it prints."""
    output = scripts / "output"
    given = [] if code is None else ["--code", code]
    done = subprocess.run(
        [sys.executable, "job.py", "--output", output, *given, *options],
        env=os.environ | moments,
        cwd=scripts,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == int(not output.exists()), done.stderr
    return (output.read_text() if output.exists() else None), done.stderr


@pytest.mark.parametrize("file", ["ecslm/early.py", "ecslm/metric.py", "job.py"])
def test_an_edit_before_the_job_starts_is_refused(file: str, scripts: Path) -> None:
    code = planned(scripts)
    with (scripts / file).open("a") as stream:
        stream.write("assert True\n")
    assert run(scripts, code) == (None, REFUSED)
    # Planned again, it runs.
    copy = scripts.rename(scripts.with_name("copy"))
    assert run(copy, planned(copy)) == ("111", "")


def test_the_modules_that_are_loaded_by_name_are_part_of_the_digest(scripts: Path) -> None:
    assert run(scripts, planned(scripts), "--settings", '{"named": "unrelated"}') == (None, REFUSED)
    assert run(scripts, code_parameter("job.py", (), scripts)) == (None, REFUSED)


@pytest.mark.parametrize("name", ["early", "late"])
def test_an_edit_while_modules_are_loaded_is_refused(name: str, scripts: Path) -> None:
    edit = edited(f"ecslm/{name}.py")
    assert run(scripts, planned(scripts), LOADING=edit) == (None, REFUSED)


@pytest.mark.parametrize("moment", ["CHECKED", "LOADED"])
def test_no_later_edit_reaches_the_job_or_costs_its_result(moment: str, scripts: Path) -> None:
    """What is imported late is what the digest was computed from."""
    edits = "".join(edited(f"ecslm/{name}.py") for name in ("early", "late", "unrelated"))
    edits += "Path('ecslm/metric.py').unlink(); Path('job.py').unlink()"
    assert run(scripts, planned(scripts), **{moment: edits}) == ("111", "")


def test_a_run_by_hand_takes_the_code_as_it_is(scripts: Path) -> None:
    edits = {"LOADING": edited("ecslm/late.py"), "CHECKED": edited("ecslm/metric.py")}
    assert run(scripts, None, **edits) == ("122", "")
