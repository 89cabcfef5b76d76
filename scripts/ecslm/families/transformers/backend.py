"""The backend that runs local weights with transformers: a base, with or without an adapter.

In a run, one process loads the weights for all of its jobs, see `run.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecslm.common.errors import refuse
from ecslm.common.files import read_model
from ecslm.common.hashing import canonical_json
from ecslm.families.backend import Backend, Generated, Prompt, required
from ecslm.families.settings import TransformersSettings
from ecslm.models.architecture import read_architecture, readable_tokens
from ecslm.models.bases import BaseManifest, base_identity, read_base
from ecslm.models.manifests import RETRAIN, AdapterManifest, files_digest, read_adapter
from ecslm.models.prompts import batches_by_length, encode_prompt, require_markers
from ecslm.schemas.record import Record

if TYPE_CHECKING:
    import torch

    from ecslm.families.transformers.generation import FreeAnswers

# The model that was loaded last, by its weights.
_loaded: dict[str, Any] = {}


def loaded_model(weights: str, load: Callable[[], Any]) -> Any:
    """The model of some weights, if it is the one that was loaded last; otherwise `load` makes it,
    after the other was let go."""
    if weights not in _loaded:
        import gc

        import torch

        _loaded.clear()
        gc.collect()
        torch.cuda.empty_cache()
        _loaded[weights] = load()
    return _loaded[weights]


@dataclass(frozen=True, kw_only=True)
class TokenPrompt(Prompt):
    """A prompt as tokens, and the form of its answer as the mode of answering has made it."""

    text: str
    tokens: list[int]
    form: Any


class TransformersBackend(Backend[TransformersSettings, TokenPrompt]):
    """Cuts prompts to what the model can read, and batches them by length under a token budget."""

    SETTINGS = TransformersSettings
    NEEDS = ("base", "template")
    LOCAL = True

    def identity(self) -> dict[str, Any]:
        """The base by its manifest, and the adapter by its files, which are verified.

        Raises:
            InputError: a manifest is missing or invalid, or the adapter was altered or does not
                match the base or the request.
        """
        adapter = self._adapter
        return {
            "base": base_identity(required(self._request.base)),
            "adapter": None if adapter is None else files_digest(adapter.files),
        }

    def weights(self) -> str:
        """What is loaded, and how, as text.

        Raises:
            InputError: as `identity`.
        """
        settings = self._settings
        precision = settings.precision.model_dump(mode="json")
        return canonical_json([self.identity(), precision, settings.decoding.fused])

    def prompts(self, records: Sequence[Record]) -> list[TokenPrompt]:
        """The prompt of each record; its input is cut if it leaves no room for the answer.

        Raises:
            InputError: the device is not available, a file of the model was altered, a marker of
                the template is no token of the base, a prompt does not fit even with an empty
                input, or a record's answer cannot be limited as the settings ask.
        """
        # First of what takes time.
        _, tokenizer, mode = self._opened
        template, shots = self._request.prompt_template(), self._settings.shots
        require_markers(template, tokenizer, self._base[0].base)
        prompts = []
        for record in records:
            form = mode.form(record)
            room = self._max_length - mode.room(form)
            prompt = encode_prompt(record, template, shots, tokenizer, room)
            prompts.append(TokenPrompt(record=record, **vars(prompt), form=form))
        return prompts

    def batches(self, prompts: Sequence[TokenPrompt]) -> list[list[int]]:
        """Batches of at most `batch_tokens` padded tokens, answers included, longest first."""
        lengths = [len(prompt.tokens) + self._opened[2].room(prompt.form) for prompt in prompts]
        return batches_by_length(range(len(prompts)), lengths, self._request.batch_tokens)

    def load(self, model: Any = None) -> None:
        """Load the weights, unless they are those that were loaded last.

        Args:
            model: answers instead, if it is given.

        Raises:
            InputError: the base has no loadable weights.
        """
        from ecslm.families.transformers.generation import Engine, load_model
        from ecslm.models.cost import CostMeter

        request, settings = self._request, self._settings
        device, _, mode = self._opened
        self._meter = CostMeter(device)
        if model is None:
            adapter = None if request.adapter is None else request.adapter.parent
            how = self._base[1], adapter, settings.precision, settings.decoding.fused, device
            model = loaded_model(self.weights(), lambda: load_model(*how))
        self._engine = Engine(model, mode, request.seed)

    def generate(self, prompts: Sequence[TokenPrompt], batch: int) -> list[Generated]:
        """Answer the prompts of one batch, in order.

        Raises:
            InputError: out of memory, unless the decoding has `oom: halve`.
        """
        tokens, forms = [one.tokens for one in prompts], [one.form for one in prompts]
        return self._engine.generate(tokens, batch, forms)

    def cost(self) -> dict[str, float | str | None]:
        """Batches that had to be halved, device, peak memory and energy; those of loading count, if
        the weights were not loaded before."""
        return {"halved_batches": self._engine.halved, **self._meter.summary()}

    @cached_property
    def _opened(self) -> "tuple[torch.device, Any, FreeAnswers]":
        """The device, the tokenizer, and the mode of answering."""
        # Torch is imported where it is used: a job with finished predictions needs none.
        from ecslm.families.transformers.generation import open_mode
        from ecslm.models.loading import load_tokenizer, require_device, use_threads

        device = require_device(self._request.device)
        use_threads(device, self._request.threads)
        tokenizer = load_tokenizer(self._base[1])
        return device, tokenizer, open_mode(self._settings, tokenizer)

    @cached_property
    def _base(self) -> tuple[BaseManifest, Path]:
        """The base's manifest, and its verified directory."""
        return read_base(required(self._request.base))

    @cached_property
    def _adapter(self) -> AdapterManifest | None:
        """The adapter, which is verified and was trained as it is used: of this model and seed,
        and with these weights, prompts and precision."""
        request, settings = self._request, self._settings
        if (path := request.adapter) is None:
            return None
        adapter = read_adapter(path)
        base, template = read_model(required(request.base), BaseManifest), request.prompt_template()
        named = request.adapter_of or request.model
        shots, trained = adapter.settings["shots"], adapter.settings["precision"]
        own = None if settings.allow_other_precision else settings.precision.model_dump(mode="json")
        problems = [
            f"{path}: trained with {what} {then}, not {now}: {RETRAIN.format(path)}, or {fix}"
            for what, then, now, fix in (
                ("model", adapter.model, named or adapter.model, "use its own --model"),
                ("seed", adapter.seed, request.seed, f"use --seed {adapter.seed}"),
                ("weights", adapter.base_sha256, files_digest(base.files), "use its base"),
                ("prompts", adapter.template_sha256, template.sha256, "use its template"),
                ("shots", shots, settings.shots, "use as many"),
                ("precision", trained, own or trained, "set `allow_other_precision` in --settings"),
            )
            if then != now
        ]
        refuse(problems)
        return adapter

    @cached_property
    def _max_length(self) -> int:
        """The most tokens of a prompt and its answer."""
        decoding, adapter = self._settings.decoding, self._adapter
        trained = None if adapter is None else adapter.settings["training"]["max_length"]
        return readable_tokens(read_architecture(self._base[1]), decoding.max_length, trained)


BACKEND = TransformersBackend
