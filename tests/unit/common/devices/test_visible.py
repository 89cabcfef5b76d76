"""CUDA_VISIBLE_DEVICES as CUDA reads it, but that nothing wrong passes in silence."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import cuda

from ecslm.common.devices.lease import usable_devices
from ecslm.common.devices.listing import Device
from ecslm.common.devices.visible import visible_devices
from ecslm.common.errors import InputError

HEX = st.text("0123456789abcdef-", min_size=4, max_size=12)
ENTRIES = st.one_of(
    st.integers(-2, 9).map(str),
    st.builds("{}-{}".format, st.sampled_from(["GPU", "MIG"]), st.text("0123ab-", max_size=6)),
    st.sampled_from(["", " ", "all", "NoDevFiles", "1gpu", "+1", "²", "GPU-", "0x1"]),
)
SPACES = st.sampled_from(["", " "])


@st.composite
def machines(draw: st.DrawFn) -> list[Device]:
    """GPUs, of which some are partitioned; some without an instance are not listed."""
    uuids = draw(st.lists(HEX, min_size=1, max_size=5, unique=True))
    devices: list[Device] = []
    for number, uuid in enumerate(uuids):
        instances = draw(st.none() | st.lists(HEX, max_size=3, unique=True))
        gpu = f"GPU-{uuid}"
        if instances is None:
            devices.append(Device(gpu, number, "A", gpu))
        else:
            devices += (Device(f"MIG-{number}{one}", number, "A MIG", gpu) for one in instances)
    assume(devices)
    return devices


WHOLE = st.lists(HEX, min_size=1, max_size=5, unique=True).map(
    lambda uuids: [Device(f"GPU-{uuid}", n, "A", f"GPU-{uuid}") for n, uuid in enumerate(uuids)]
)


@given(machines())
def test_without_the_variable_all_devices_are_visible(devices: list[Device]) -> None:
    assert visible_devices(devices, None) == devices


@given(machines(), st.data())
def test_however_devices_are_named_they_are_found_in_that_order(
    devices: list[Device], data: st.DataObject
) -> None:
    gpus = {
        device.gpu_uuid: [d for d in devices if d.gpu_uuid == device.gpu_uuid] for device in devices
    }
    names = data.draw(st.permutations(sorted(gpus)))
    entries, expected = [], []
    for gpu in names[: data.draw(st.integers(1, len(names)))]:
        found = gpus[gpu]
        written = data.draw(st.sampled_from(["number", "uuid", "beginning", "own"]))
        if written == "own":
            own = data.draw(st.permutations(found))
            entries.append(",".join(device.uuid for device in own))
            expected += own
            continue
        shortest = next(
            gpu[:length]
            for length in range(len("GPU-"), len(gpu) + 1)
            if [other for other in gpus if other.startswith(gpu[:length])] == [gpu]
            or length == len(gpu)
        )
        text = {"number": str(found[0].number), "uuid": gpu, "beginning": shortest}[written]
        entries.append(data.draw(SPACES) + text + data.draw(SPACES))
        expected += found
    rest = data.draw(st.sampled_from(["", ",", ",-1", ",-1,0", ",NoDevFiles", ",-1,nonsense"]))
    assert visible_devices(devices, ",".join(entries) + rest) == expected


@given(machines(), st.lists(ENTRIES, max_size=4).map(",".join))
def test_any_text_gives_some_of_the_devices_once_each_or_one_line_that_names_the_variable(
    devices: list[Device], variable: str
) -> None:
    try:
        found = visible_devices(devices, variable)
    except InputError as error:
        (problem,) = error.problems
        assert problem.startswith("CUDA_VISIBLE_DEVICES: ")
        assert "\n" not in problem
    else:
        assert len({*found}) == len(found)
        assert {*found} <= {*devices}


@given(
    WHOLE,
    st.lists(st.integers(-1, 6).map(str), max_size=4).map(",".join)
    | st.lists(st.text("0123456789abcdef-", max_size=5).map("GPU-{}".format), max_size=3).map(
        ",".join
    ),
)
def test_what_is_accepted_is_what_torch_would_see(devices: list[Device], variable: str) -> None:
    try:
        found = visible_devices(devices, variable)
    except InputError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", variable)
        seen = cuda._parse_visible_devices()
    if seen and isinstance(seen[0], str):
        seen = cuda._transform_uuid_to_ordinals(seen, [device.uuid for device in devices])
    assert [device.number for device in found] == seen


FOUR = [Device(f"GPU-{letter}", n, "A", f"GPU-{letter}") for n, letter in enumerate("abcd")]
SPLIT = [Device("MIG-1", 0, "A MIG", "GPU-a"), Device("MIG-2", 0, "A MIG", "GPU-a"), FOUR[1]]


@pytest.mark.parametrize(
    ("devices", "variable", "count", "words"),
    [
        (FOUR, "4", 1, ["4 is no GPU of this machine", "3 (GPU-d)", "correct the variable"]),
        (FOUR, "0,GPU-x", 1, ["GPU-x is no GPU of this machine"]),
        (FOUR, "GPU-", 1, ["GPU- is no GPU of this machine, several"]),
        (FOUR, "1,1", 1, ["1 is no GPU of this machine, several, or named twice"]),
        (FOUR, "", 1, ["CUDA_VISIBLE_DEVICES: '' hides all GPUs", "unset it"]),
        (FOUR, "-1", 1, ["'-1' hides all GPUs"]),
        (FOUR, None, 5, ["gpus: 5 are asked for", "has 4:", "set as many in the study"]),
        (FOUR, "0,2", 3, ["has 2 of those that CUDA_VISIBLE_DEVICES=0,2 leaves"]),
        (SPLIT, None, 2, ["has 1, which instances of one are not: "]),
    ],
)
def test_what_cannot_be_leased_is_told_of_in_one_line_with_the_fix(
    devices: list[Device], variable: str | None, count: int, words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        usable_devices(devices, variable, count)
    (problem,) = caught.value.problems
    assert [word for word in words if word not in problem] == [], problem


def test_several_processes_get_whole_gpus_and_one_gets_an_instance_too() -> None:
    assert usable_devices([*SPLIT, FOUR[2]], None, 2) == [FOUR[1], FOUR[2]]
    assert usable_devices(SPLIT, None, 1) == SPLIT
