"""The GPUs that the driver tells of, and those that CUDA_VISIBLE_DEVICES leaves."""

from contextlib import nullcontext

import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.machine import Gpu, install
from torch import cuda

from ecslm.common.devices import Device, list_devices, usable_devices, visible_devices
from ecslm.common.errors import InputError


def test_gpus_are_listed_in_the_order_of_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    install([Gpu("GPU-b", "NVIDIA T4"), Gpu("GPU-a")], monkeypatch.setattr)
    assert list_devices() == [Device("GPU-b", 0, "NVIDIA T4"), Device("GPU-a", 1, "NVIDIA A100")]


@pytest.mark.parametrize(
    ("error", "told"),
    [(pynvml.NVMLError_LibRmVersionMismatch, True), (pynvml.NVMLError_LibraryNotFound, False)],
)
def test_a_driver_that_does_not_answer_is_told_of_and_without_one_there_are_no_gpus(
    error: type[Exception], told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init() -> None:
        raise error

    monkeypatch.setattr(pynvml, "nvmlInit", init)
    with pytest.raises(InputError, match="make `nvidia-smi` work") if told else nullcontext():
        assert list_devices() == []


UUIDS = st.lists(st.text("0123ab", min_size=4, max_size=4), min_size=1, max_size=5, unique=True)
GPUS = UUIDS.map(lambda uuids: [Device(f"GPU-{uuid}", n, "A") for n, uuid in enumerate(uuids)])
NUMBERS = st.integers(-1, 6).map(str)


@given(GPUS, st.data())
def test_however_gpus_are_named_they_are_found_in_that_order(
    gpus: list[Device], data: st.DataObject
) -> None:
    assert visible_devices(gpus, None) == gpus
    some = data.draw(st.permutations(gpus))[: data.draw(st.integers(1, len(gpus)))]
    names = [data.draw(st.sampled_from([str(one.number), f" {one.uuid} "])) for one in some]
    assert visible_devices(gpus, ",".join(names)) == some


@given(GPUS, st.lists(NUMBERS, max_size=4).map(",".join))
def test_what_is_accepted_is_what_torch_would_see(gpus: list[Device], variable: str) -> None:
    try:
        found = visible_devices(gpus, variable)
    except InputError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", variable)
        assert [one.number for one in found] == cuda._parse_visible_devices()


FOUR = [Device(f"GPU-{letter}", n, "A") for n, letter in enumerate("abcd")]


@pytest.mark.parametrize(
    ("variable", "count", "words"),
    [
        (
            "4",
            1,
            "4 names one twice, or something that is not a GPU .*3 .GPU-d.: correct the variable",
        ),
        ("GPU-", 1, "GPU- names one twice, or something that is not a GPU of this machine"),
        ("1,GPU-b", 1, "1,GPU-b names one twice"),
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
