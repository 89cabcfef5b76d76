"""For which version of CUDA the installed torch was built, without loading it."""

import re
from importlib.util import find_spec
from pathlib import Path

# As torch writes it into its version.py.
CUDA = re.compile(r"^cuda\b[^=\n]*=\s*'(\d+)\.(\d+)'", re.MULTILINE)


def cuda_of_torch() -> tuple[int, int] | None:
    """Major and minor; None if it was built for the CPU alone or is not installed."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    found = CUDA.search((Path(spec.origin).parent / "version.py").read_text(encoding="utf-8"))
    return None if found is None else (int(found[1]), int(found[2]))
