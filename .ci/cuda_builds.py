"""Whether bitsandbytes has a build for the CUDA of torch, both as the lock file pins them.

pip install --dry-run --ignore-installed --report report.json --requirement requirements.lock
pip download --no-deps --dest wheels "$(grep ^bitsandbytes== requirements.lock)"
python .ci/cuda_builds.py report.json wheels/bitsandbytes-*.whl
"""

import json
import re
import sys
from pathlib import Path
from zipfile import ZipFile


def main(report: Path, wheel: Path) -> None:
    """
    Raises:
        SystemExit: there is none, or torch does not say which CUDA it is built for.
    """
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    torch = next(one["metadata"] for one in installed if one["metadata"]["name"] == "torch")
    needs = "\n".join(torch["requires_dist"])
    found = re.search(r"^cuda-toolkit\S*==(\d+)\.(\d+)", needs, re.MULTILINE)
    if found is None:
        sys.exit(f"error: torch {torch['version']} requires no cuda-toolkit: look at its metadata")
    build = f"libbitsandbytes_cuda{found[1]}{found[2]}.so"
    names = [Path(name).name for name in ZipFile(wheel).namelist()]
    if build not in names:
        sys.exit(f"error: {wheel.name} has no {build}: pin versions that fit each other")
    print(f"{wheel.name} has {build}, for torch {torch['version']}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
