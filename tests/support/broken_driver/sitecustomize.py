"""An NVIDIA driver that does not answer, on a machine without what loads or runs models.

Python imports this module by its name at each start when PYTHONPATH leads to it.
"""

import sys

import pynvml

for library in ("torch", "transformers", "peft", "bitsandbytes", "bert_score"):
    # An import of it raises ModuleNotFoundError.
    sys.modules[library] = None  # type: ignore[assignment]


def init() -> None:
    """Fail."""
    raise pynvml.NVMLError(pynvml.NVML_ERROR_UNKNOWN)


pynvml.nvmlInit = init
