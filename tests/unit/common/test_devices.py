"""The GPUs that the driver tells of, and those that CUDA_VISIBLE_DEVICES leaves."""

from contextlib import nullcontext
from pathlib import Path

import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.machine import Gpu, install
from torch import cuda

from ecslm.common import devices
from ecslm.common.devices import Device, list_devices, usable_devices, visible_devices
from ecslm.common.errors import InputError


def test_gpus_are_listed_in_the_order_of_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    install([Gpu("GPU-b", "NVIDIA T4"), Gpu("GPU-a")], monkeypatch.setattr)
    assert list_devices() == [Device("GPU-b", 0, "NVIDIA T4"), Device("GPU-a", 1, "NVIDIA A100")]


@pytest.mark.parametrize(
    ("error", "there", "told"),
    [
        (pynvml.NVMLError_LibRmVersionMismatch, False, True),
        (pynvml.NVMLError_LibraryNotFound, True, True),
        (pynvml.NVMLError_LibraryNotFound, False, False),
    ],
)
def test_a_driver_that_does_not_answer_is_told_of_and_without_one_there_are_no_gpus(
    error: type[Exception], there: bool, told: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def init() -> None:
        raise error

    monkeypatch.setattr(pynvml, "nvmlInit", init)
    monkeypatch.setattr(devices, "DRIVER", tmp_path if there else tmp_path / "gone")
    with pytest.raises(InputError, match="make `nvidia-smi` work") if told else nullcontext():
        assert list_devices() == []


UUIDS = st.lists(st.text("0123ab", min_size=4, max_size=4), min_size=1, max_size=5, unique=True)
GPUS = UUIDS.map(lambda uuids: [Device(f"GPU-{uuid}", n, "A") for n, uuid in enumerate(uuids)])
NUMBERS = st.integers(-1, 6).map(str)
BEGINNINGS = st.text("0123ab-", max_size=5).map("GPU-{}".format)
# All of one kind, as torch reads them.
LISTS = st.lists(NUMBERS, max_size=4) | st.lists(BEGINNINGS, max_size=3)


@given(GPUS, st.data())
def test_however_gpus_are_named_they_are_found_in_that_order(
    gpus: list[Device], data: st.DataObject
) -> None:
    assert visible_devices(gpus, None) == gpus
    some = data.draw(st.permutations(gpus))[: data.draw(st.integers(1, len(gpus)))]
    names = [data.draw(st.sampled_from([str(one.number), f" {one.uuid} "])) for one in some]
    rest = data.draw(st.sampled_from(["", ",", ",-1,0", ",NoDevFiles", ",-1,nonsense"]))
    assert visible_devices(gpus, ",".join(names) + rest) == some


@given(GPUS, LISTS.map(",".join))
def test_what_is_accepted_is_what_torch_would_see(gpus: list[Device], variable: str) -> None:
    try:
        found = visible_devices(gpus, variable)
    except InputError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", variable)
        seen = cuda._parse_visible_devices()
    if seen and isinstance(seen[0], str):
        seen = cuda._transform_uuid_to_ordinals(seen, [one.uuid for one in gpus])
    assert [one.number for one in found] == seen


FOUR = [Device(f"GPU-{letter}", n, "A") for n, letter in enumerate("abcd")]


@pytest.mark.parametrize(
    ("variable", "count", "words"),
    [
        ("4", 1, "4 is no GPU of this machine.*3 .GPU-d.: correct the variable"),
        ("GPU-", 1, "GPU- is no GPU of this machine, several"),
        ("1,1", 1, "1 is no GPU of this machine, several, or named twice"),
        ("-1", 1, "has 0, without those that CUDA_VISIBLE_DEVICES=-1 hides"),
        (None, 5, "gpus: 5 are asked for, .* has 4: set as many in the study"),
        ("0,2", 3, "has 2, without those that CUDA_VISIBLE_DEVICES=0,2 hides"),
    ],
)
def test_what_cannot_be_leased_is_told_of_in_one_line_with_the_fix(
    variable: str | None, count: int, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        usable_devices(FOUR, variable, count)
    assert len(caught.value.problems) == 1
