"""One digest in all versions of Python that the project may run with."""

import shutil
import subprocess
from pathlib import Path

import pytest
from support.project import SCRIPTS

from ecslm.fingerprint.digest import Code

# Without the libraries of the project, which other Pythons need not have.
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from ecslm.fingerprint.digest import Code
code = Code(Path(sys.argv[2]))
for script in sys.argv[3:]:
    print(script, code.digest(script))
"""

# Where Pythons before 3.12 split f-strings into other pieces than later ones.
F_STRINGS = """
def run(x, w):
    return f"a{x}" "b" f"{x!r:>{w}}" f"{x:a{w}b}{{}}" rf"\\d{x}" f"{x=}" f'{x["a"]}' f"" "" f"c"

print(run(1, 2), {**{}}, [*()], (lambda *, a=1: a), 1_000, 1e3, 0x10, b"a", "\\u0378\\U0001fae8")
"""


def python(minor: int) -> str | None:
    """The program of a version of Python, if it is on the PATH and starts."""
    program = shutil.which(f"python3.{minor}")
    if program is None:
        return None
    done = subprocess.run([program, "-c", ""], capture_output=True, check=False)
    return program if done.returncode == 0 else None


@pytest.mark.parametrize("minor", [12, 13])
def test_all_versions_of_python_give_one_digest(minor: int, tmp_path: Path) -> None:
    program = python(minor)
    if program is None:
        pytest.skip(f"no python3.{minor} that starts is on the PATH")
    (tmp_path / "strings.py").write_text(F_STRINGS, encoding="utf-8")
    for root, *names in ((SCRIPTS, "predict.py", "score.py"), (tmp_path, "strings.py")):
        done = subprocess.run(
            [program, "-c", PROGRAM, str(SCRIPTS), str(root), *names],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        code = Code(root)
        assert done.stdout.split("\n")[:-1] == [f"{name} {code.digest(name)}" for name in names]
