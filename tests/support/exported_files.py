"""Hand-made results for the tests of what users take home."""

from pathlib import Path
from typing import Any

from ecslm.common.files import write_json, write_jsonl

ADAPTER = {
    **{"inputs": {}, "code": None, "versions": {"torch": "2.13.0"}, "files": {}},
    **{"settings": {"precision": {"quantization": "nf4"}, "training": {"rank": 16}}},
    **{"source": "Small", "revision": "local", "base_sha256": "0" * 64, "best_step": 12},
    **{"template_sha256": "1" * 64, "records": {"PM": 10, "SA": 20}},
    **{"tokens": {"PM": 1000, "SA": 3000}, "answer_tokens": {"PM": 20, "SA": 40}},
    **{"truncated": {"PM": 0, "SA": 1}},
}


def write_adapter_manifest(results: Path, model: str, seed: int = 0) -> None:
    """The manifest of an adapter that was trained on thirty records of two tasks."""
    about = {"model": model, "seed": seed}
    write_json(results / f"adapters/{model}/seed-{seed}/manifest.json", ADAPTER | about)


def write_predictions(
    results: Path,
    model: str,
    task: str,
    tokens: dict[str, list[tuple[int | None, int | None]]],
    seed: int = 0,
) -> None:
    """Predictions whose prompts and answers have so many tokens, by setting."""
    rows: list[dict[str, Any]] = [
        {
            "id": f"{setting}-{number}",
            "setting": setting,
            # As of a model that repeats itself.
            "prediction": "yes\u2028no" * (400_000 if answer == 2 else 1),
            "options": ["A: yes", "B: no"] if number % 2 else None,
            "prompt_tokens": prompt,
            "generated_tokens": answer,
        }
        for setting, counts in tokens.items()
        for number, (prompt, answer) in enumerate(counts)
    ]
    write_jsonl(results / f"predictions/{model}/seed-{seed}/{task}.jsonl", rows)
