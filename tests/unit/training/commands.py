"""A training as a shell starts it."""

from pathlib import Path

from support.model_examples import PROMPTS, SCRIPTS, write_records

from ecslm.training.settings import AdapterSettings


def train_command(
    folder: Path, base: Path, records: Path, settings: AdapterSettings, **options: object
) -> list[str]:
    """The words of one that writes into the folder `adapter` of a directory."""
    given = {
        "train": records,
        "val": write_records(folder / "val.jsonl", 3, split="val"),
        "base": base,
        "template": PROMPTS / "alpaca.jinja",
        "settings": settings.model_dump_json(),
        "output": folder / "adapter/manifest.json",
        **options,
    }
    words = [(f"--{name.replace('_', '-')}", str(value)) for name, value in given.items()]
    return [str(SCRIPTS / "train_adapter.py"), *(word for pair in words for word in pair)]
