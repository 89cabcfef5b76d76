"""The work folder of a long job."""

from pathlib import Path

import pytest

from ecslm.files import InputError
from ecslm.work import work_folder


def folders(output: Path) -> list[Path]:
    return [path for path in (output.parent / "work").iterdir() if path.is_dir()]


def test_the_folder_goes_when_the_work_succeeds(tmp_path: Path) -> None:
    with work_folder(tmp_path / "out.jsonl", {"seed": 0}) as folder:
        assert folder.is_dir()
    assert folders(tmp_path / "out.jsonl") == []


def test_work_that_failed_is_found_again_under_the_same_circumstances(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(RuntimeError), work_folder(output, {"a": 1, "b": 2}) as folder:
        (folder / "half").write_text("done")
        raise RuntimeError
    with work_folder(output, {"b": 2, "a": 1}) as again:
        assert (again / "half").read_text() == "done"


def test_work_begun_under_other_circumstances_is_thrown_away(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(RuntimeError), work_folder(output, {"seed": 0}) as folder:
        (folder / "half").write_text("done")
        raise RuntimeError
    with work_folder(output, {"seed": 1}) as other:
        assert list(other.iterdir()) == []
        assert folders(output) == [other]


def test_the_work_on_another_output_is_left_alone(tmp_path: Path) -> None:
    with (
        work_folder(tmp_path / "AVE.jsonl", 0) as first,
        work_folder(tmp_path / "SA.jsonl", 0) as second,
    ):
        assert first != second
        assert first.is_dir()


def test_a_second_process_at_the_same_output_is_refused_in_one_line(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with work_folder(output, {"seed": 0}) as folder:
        with (
            pytest.raises(InputError, match="another process is making it") as caught,
            work_folder(output, {"seed": 1}),
        ):
            pass
        assert len(caught.value.problems) == 1
        assert "\n" not in str(caught.value)
        assert folder.is_dir()


def test_the_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(RuntimeError), work_folder(output, 0):
        raise RuntimeError
    with work_folder(output, 0) as folder:
        assert folder.is_dir()
