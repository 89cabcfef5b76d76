"""Runs a script and notes which definitions of the project it executes."""

import json
import runpy
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType


def run_noting(file: str, root: str, script: str, *arguments: str) -> None:
    """Run a script to its end, as Python would, and write what ran of it, also if it fails.

    Code that only threads of torch's own run, as in a backward pass on a GPU, is not seen.

    Args:
        file: gets a JSON list of [module or script, definition], with an empty name for the module
            itself.
        root: the folder of scripts.
    """
    seen: set[CodeType] = set()

    def note(frame: FrameType, _event: str, _value: object) -> None:
        seen.add(frame.f_code)

    sys.argv, sys.path[0] = [script, *arguments], root
    threading.settrace(note)
    sys.settrace(note)
    try:
        runpy.run_path(str(Path(root) / Path(script).name), run_name="__main__")
    finally:
        sys.settrace(None)
        named = sorted({one for code in seen if (one := definition_of(Path(root), code))})
        Path(file).write_text(json.dumps(named), encoding="utf-8")


def definition_of(root: Path, code: CodeType) -> tuple[str, str] | None:
    """The module or script, and the definition at its top, that code belongs to; None for code of
    others, and for the body of a class, which says nothing about its use."""
    path = Path(code.co_filename)
    if not path.is_relative_to(root):
        return None
    parts = path.relative_to(root).with_suffix("").parts
    module = f"{parts[0]}.py" if len(parts) == 1 else ".".join(parts).removesuffix(".__init__")
    if code.co_name == "<module>":
        return module, ""
    first, *within = code.co_qualname.split(".")
    # Only functions are optimised.
    return (module, first) if within or code.co_flags & 1 else None
