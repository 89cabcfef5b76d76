"""What code of the project a script really runs, told by Python itself."""

import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import pytest
from support.model_examples import run_here
from support.project import SCRIPTS


class Ran(NamedTuple):
    """Code that ran: its file below `scripts/`, its line, and its name with those around it."""

    file: str
    line: int
    name: str


# Who called code, None if nobody of the project did, and the code itself.
Call = tuple[Ran | None, Ran]


def trace(patch: pytest.MonkeyPatch, script: str, arguments: Sequence[object]) -> set[Call]:
    """Run a script to the end with modules of the project loaded afresh; returns what ran of it.

    Bodies of classes are left out: that a class is made does not say that it is used.
    """
    calls: set[tuple[CodeType | None, CodeType]] = set()
    root = f"{SCRIPTS}/"

    def note(frame: FrameType, event: str, _value: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(root):
            above = frame.f_back
            while above is not None and not above.f_code.co_filename.startswith(root):
                above = above.f_back
            calls.add((above and above.f_code, frame.f_code))

    # Snakefiles that were read in this process have put their projects' scripts first.
    patch.syspath_prepend(SCRIPTS)
    with _modules_unloaded(), _profiled(note):
        assert run_here(patch, script, arguments) == 0

    def ran(code: CodeType) -> Ran:
        return Ran(code.co_filename.removeprefix(root), code.co_firstlineno, code.co_qualname)

    return {
        (caller and ran(caller), ran(code))
        for caller, code in calls
        if code.co_flags & inspect.CO_OPTIMIZED or code.co_name == "<module>"
    }


@contextmanager
def _profiled(note: Callable[[FrameType, str, object], None]) -> Iterator[None]:
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@contextmanager
def _modules_unloaded() -> Iterator[None]:
    """As in a new process, what modules of the project execute is executed."""
    own = {name: module for name, module in sys.modules.items() if _is_own(name, module)}
    for name in own:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name, module in sys.modules.items() if _is_own(name, module)]:
            del sys.modules[name]
        sys.modules.update(own)


def _is_own(name: str, module: object) -> bool:
    file = getattr(module, "__file__", None)
    return name.split(".")[0] == "ecslm" or bool(file and Path(file).is_relative_to(SCRIPTS))
