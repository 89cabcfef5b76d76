"""What only a GPU can show, with tiny models: the same numbers as a CPU, by each way to compute.

pytest tests/gpu             on a GPU
pytest tests/gpu --on cpu    a rehearsal
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from support.model_examples import (
    EXACT,
    PROMPTS,
    adapter_settings,
    make_record,
    prediction_settings,
    read_lines,
    run_predict,
    train,
)
from support.tiny import SENTENCES
from torch.nn.functional import cosine_similarity
from unit.training.gradients import far_from_zero, load, loss_and_gradients

from ecslm.models.bases import read_base
from ecslm.models.loading import load_tokenizer
from ecslm.models.manifests import read_adapter
from ecslm.models.prompts import PromptTemplate
from ecslm.scoring.bertscore import load_encoder, score_pairs
from ecslm.scoring.settings import BertScoreSettings
from ecslm.training import fit, trainer
from ecslm.training.batches import Batch, Example, Packed, Padded, encode_example
from ecslm.training.fit import add_adapter
from ecslm.training.settings import TrainingSettings
from ecslm.training.trainer import answer_loss

pytestmark = pytest.mark.gpu

BFLOAT16 = {"quantization": "nf4", "dtype": "bfloat16"}
FUSED = {"fused": True, "packing": True}
Found = tuple[torch.Tensor, dict[str, torch.Tensor]]


class Killed(BaseException):
    """Stands for a signal that ends the process."""


@pytest.fixture(scope="module")
def examples(tiny_base: Path) -> list[Example]:
    """Eight of several lengths."""
    tokenizer, template = (
        load_tokenizer(read_base(tiny_base)[1]),
        PromptTemplate(PROMPTS / "alpaca.jinja"),
    )
    records = [make_record(i, output="yes, no, " * i + "yes") for i in range(8)]
    return [encode_example(record, template, 0, tokenizer, 4000) for record in records]


@pytest.fixture(autouse=True)
def _usual_algorithms() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


def adapted(base: Path, device: str, precision: dict[str, str], **settings: Any) -> Any:
    """With an adapter all of whose matrices are far from zero."""
    fused = settings.get("fused", False)
    model = load(base, precision, device, dequantized=fused)
    chosen = TrainingSettings(**{"rank": 4, "dropout": 0.0} | settings)
    return far_from_zero(add_adapter(model, chosen).train())


def found_on(device: str, model: Any, batch: Batch) -> Found:
    """Loss and gradients, on the CPU."""
    moved = {
        name: each.to(device) if torch.is_tensor(each) else each for name, each in batch.items()
    }
    loss, gradients = loss_and_gradients(model, moved)
    return loss.cpu(), {name: gradient.cpu() for name, gradient in gradients.items()}


def assert_near(found: Found, expected: Found, loss: float, direction: float) -> None:
    torch.testing.assert_close(found[0], expected[0], rtol=loss, atol=0)
    for name, gradient in expected[1].items():
        alike = cosine_similarity(found[1][name].flatten(), gradient.flatten(), dim=0)
        assert alike > direction, name


def test_in_float32_loss_and_gradients_are_those_of_the_cpu(
    device: str, tiny_base: Path, examples: list[Example]
) -> None:
    batch = Padded(2).collate(examples)
    here, there = (found_on(one, adapted(tiny_base, one, EXACT), batch) for one in ("cpu", device))
    assert_near(there, here, loss=1e-4, direction=0.9999)


@pytest.mark.parametrize(
    "settings",
    [{"packing": True}, {"fused": True}, FUSED, {"compiled": True}, FUSED | {"compiled": True}],
    ids=str,
)
@pytest.mark.parametrize("precision", [EXACT, BFLOAT16], ids=["float32", "bfloat16"])
def test_each_way_to_train_has_the_loss_and_gradients_of_the_plain_one(
    device: str,
    tiny_base: Path,
    examples: list[Example],
    precision: dict[str, str],
    settings: dict[str, bool],
) -> None:
    plain = found_on(device, adapted(tiny_base, device, precision), Padded(2).collate(examples))
    layout = Packed(share=False) if settings.get("packing") else Padded(2)
    model = adapted(tiny_base, device, precision, **settings)
    found = found_on(device, model, layout.collate(examples))
    near = (1e-4, 0.9999) if precision == EXACT else (5e-3, 0.99)
    assert_near(found, plain, *near)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_answers_in_a_batch_are_those_of_lone_prompts(
    device: str, tiny_base: Path, tmp_path: Path, dtype: str
) -> None:
    """Where rows are padded; and in float32 those of the CPU."""
    settings = prediction_settings({"quantization": "none", "dtype": dtype})

    def answers(budget: int, on: str) -> list[str]:
        folder = tmp_path / f"{on}-{budget}"
        path = run_predict(folder, tiny_base, settings=settings, batch_tokens=budget, device=on)
        return [row["prediction"] for row in read_lines(path)]

    together = answers(4000, device)
    assert together == answers(1, device)
    assert len(set(together)) > 1
    if dtype == "float32":
        assert together == answers(4000, "cpu")


def test_a_deterministic_training_that_was_killed_has_the_bytes_of_another(
    device: str, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = adapter_settings(BFLOAT16, deterministic=True)

    class Dying(fit.Progress):
        def step(self, entry: dict[str, Any]) -> None:
            if entry["step"] == 4:
                raise Killed

    options: dict[str, Any] = {"device": device, "checkpoint_seconds": 0.0}
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(fit, "Progress", Dying)
        train(tmp_path / "one", tiny_base, settings, **options)
    made = [train(tmp_path / name, tiny_base, settings, **options) for name in ("one", "other")]
    first, second = map(read_adapter, made)
    assert first.files == second.files
    steps = [entry["step"] for entry in read_lines(made[0].parent / "log.jsonl")]
    assert steps[-1] == 6


@pytest.mark.usefixtures("needs_gpu")
def test_a_training_that_runs_out_of_memory_goes_on_with_smaller_passes(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver's own refusal: each large pass wants more than the whole memory."""

    def loss(model: Any, batch: Batch) -> torch.Tensor:
        if batch["input_ids"].numel() > 300:
            torch.empty(10**13, dtype=torch.uint8, device="cuda")
        return answer_loss(model, batch)

    monkeypatch.setattr(trainer, "answer_loss", loss)
    made = train(tmp_path, tiny_base, adapter_settings(batch_tokens=560), device="cuda")
    cost = json.loads((made.parent / "cost.json").read_text(encoding="utf-8"))
    assert cost["batch_tokens_at_end"] < 300 < cost["batch_tokens"] == 560


def test_nf4_weights_are_those_that_a_cpu_makes(device: str, tiny_base: Path) -> None:
    """Packed, with the scales of their blocks; unpacked, to the last bit in float32."""
    precision = {"quantization": "nf4", "dtype": "float32"}
    models = [load(tiny_base, precision, one) for one in ("cpu", device)]
    here, there = ({name: each.cpu() for name, each in one.state_dict().items()} for one in models)
    assert here.keys() == there.keys()
    assert any(each.dtype == torch.uint8 for each in here.values())
    for name, each in here.items():
        assert each.equal(there[name]), name


def test_bertscores_are_those_of_a_cpu_but_for_the_last_digit(
    device: str, tiny_encoder: Path
) -> None:
    settings = BertScoreSettings(layer=2, rescale_language=None)
    folder = read_base(tiny_encoder)[1]
    pairs = [(one, other) for one in SENTENCES for other in SENTENCES]
    found = [
        score_pairs(load_encoder(folder, settings.layer, torch.device(one)), pairs)
        for one in ("cpu", device)
    ]
    torch.testing.assert_close(*map(torch.tensor, found), rtol=0, atol=2e-6)
