"""Forbids what loads or runs models, as on a machine that lacks it.

Python imports this module by its name at each start when PYTHONPATH leads to it.
"""

import sys

for library in ("torch", "transformers", "peft", "bitsandbytes", "bert_score"):
    # An import of it raises ModuleNotFoundError.
    sys.modules[library] = None  # type: ignore[assignment]
