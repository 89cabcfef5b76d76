"""The backend that runs local weights with transformers: a base, with or without an adapter.

In a run, one process loads the weights for all of its jobs, see `sharing.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json
from ecslm.common.validation import read_model
from ecslm.models.adapters import AdapterManifest, how_to_retrain, read_adapter
from ecslm.models.architecture import read_architecture, readable_tokens
from ecslm.models.bases import BaseManifest, base_identity, read_base
from ecslm.models.batching import batches_by_length
from ecslm.models.libraries import OF_MODELS, OF_PROMPTS
from ecslm.models.manifests import files_digest
from ecslm.models.prompts import (
    EncodedPrompt,
    PromptTemplate,
    encode_prompt,
    require_markers,
)
from ecslm.prediction.answers.protocol import AnswerMode, open_mode
from ecslm.prediction.backend import Backend, Generated, Request, needed
from ecslm.prediction.sharing import shared_backend
from ecslm.prediction.transformers_settings import LIBRARIES, TransformersSettings
from ecslm.schemas.record import Record

SETTINGS = TransformersSettings
# What is asked of this backend.
TransformersRequest = Request[TransformersSettings]
FORM = TypeAdapter(TransformersRequest)

# The model that was loaded last, by its weights.
_loaded: dict[str, Any] = {}


def libraries(settings: TransformersSettings, tuned: bool) -> tuple[str, ...]:
    """Libraries whose versions can change a prediction; `tuned`: there is an adapter."""
    adapter = ("peft",) if tuned else ()
    answers = () if settings.answers is None else LIBRARIES[settings.answers.mode]
    return (*OF_MODELS, *OF_PROMPTS, *adapter, *settings.precision.libraries, *answers)


def identity(request: TransformersRequest) -> dict[str, Any]:
    """The base by its manifest, and the adapter by its files, which are verified.

    Raises:
        InputError: the base or the template is missing, a manifest is missing or invalid, or the
            adapter was altered or does not match the base or the request.
    """
    request.refuse("answers", "train", "val", "access")
    request.prompt_template()
    path, adapter = request.adapter, None
    if path is not None:
        adapter = read_adapter(path)
        _check_match(path, adapter, read_model(_base(request), BaseManifest), request)
    return {
        "base": base_identity(_base(request)),
        "adapter": None if adapter is None else files_digest(adapter.files),
    }


def weights_of(request: TransformersRequest) -> str:
    """What is loaded for a request, and how, as text.

    Raises:
        InputError: as `identity`.
    """
    settings = request.settings
    precision = settings.precision.model_dump(mode="json")
    return canonical_json([identity(request), precision, settings.decoding.fused])


def open_backend(request: TransformersRequest) -> Backend[Any]:
    """Check the base, the adapter and the device, and return the backend.

    Raises:
        InputError: the base or the adapter was altered, the adapter does not match the base or the
            request, or the device is not available.
        WorkerLostError: the process that loads the weights for the run has ended.
    """
    return shared_backend(request, FORM, TransformersBackend) or TransformersBackend(request)


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


@dataclass(frozen=True)
class FormedPrompt(EncodedPrompt):
    """A prompt, and the form of its answer as the mode of answering has made it."""

    form: Any = None


class TransformersBackend:
    """Cuts prompts to what the model can read, and batches them by length under a token budget."""

    def __init__(self, request: TransformersRequest) -> None:
        # Imported here because it loads torch: the plan imports this module just for `libraries`.
        from ecslm.models.loading import require_device, use_threads

        self._request = request
        self._device = require_device(request.device)
        use_threads(self._device, request.threads)
        base, self._folder = read_base(_base(request))
        self._base, trained = base.base, None
        if request.adapter is not None:
            adapter = read_adapter(request.adapter)
            _check_match(request.adapter, adapter, base, request)
            trained = adapter.settings["training"]["max_length"]
        decoding = request.settings.decoding
        architecture = read_architecture(self._folder)
        self._max_length = readable_tokens(architecture, decoding.max_length, trained)
        if self._max_length <= decoding.max_new_tokens:
            raise InputError(
                f"{self._base} reads at most {self._max_length} tokens, but an answer alone may "
                f"have {decoding.max_new_tokens}: lower `max_new_tokens`"
            )

    def prompts(self, records: Sequence[Record]) -> list[FormedPrompt]:
        """The prompt of each record; its input is cut if it leaves no room for the answer.

        Raises:
            InputError: a marker of the template is no token of the base, a prompt does not fit
                even with an empty input, or a record's answer cannot be limited as the settings
                ask.
        """
        template = self._request.prompt_template()
        require_markers(template, self._tokenizer, self._base)
        return [self._prompt(record, template) for record in records]

    def _prompt(self, record: Record, template: PromptTemplate) -> FormedPrompt:
        settings, mode = self._request.settings, self._mode
        form = None if mode is None else mode.form(record)
        room = self._max_length - self._room(form)
        prompt = encode_prompt(record, template, settings.shots, self._tokenizer, room)
        return FormedPrompt(**vars(prompt), form=form)

    def _room(self, form: Any) -> int:
        """The most tokens that an answer takes."""
        longest = self._request.settings.decoding.max_new_tokens
        return longest if self._mode is None else self._mode.room(form)

    def batches(self, prompts: Sequence[FormedPrompt]) -> list[list[int]]:
        """Batches of at most `batch_tokens` padded tokens, answers included, longest first."""
        lengths = [len(prompt.tokens) + self._room(prompt.form) for prompt in prompts]
        return batches_by_length(range(len(prompts)), lengths, self._request.batch_tokens)

    def load(self, model: Any = None) -> None:
        """Load the weights, unless they are those that were loaded last.

        Args:
            model: answers instead, if it is given.

        Raises:
            InputError: the base has no loadable weights.
        """
        from ecslm.models.cost import CostMeter
        from ecslm.prediction.transformers_engine import Engine, load_model

        request, settings = self._request, self._request.settings
        self._meter = CostMeter(self._device)
        if model is None:
            model = loaded_model(
                weights_of(request),
                lambda: load_model(
                    self._folder,
                    None if request.adapter is None else request.adapter.parent,
                    settings.precision,
                    settings.decoding.fused,
                    self._device,
                ),
            )
        self._engine = Engine(model, self._tokenizer, settings.decoding, request.seed, self._mode)

    def generate(self, prompts: Sequence[FormedPrompt], batch: int) -> list[Generated]:
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
    def _tokenizer(self) -> Any:
        from ecslm.models.loading import load_tokenizer

        return load_tokenizer(self._folder)

    @cached_property
    def _mode(self) -> AnswerMode | None:
        """The mode of answers that are not free."""
        settings = self._request.settings
        if settings.answers is None:
            return None
        return open_mode(settings, self._tokenizer)


def _base(request: TransformersRequest) -> Path:
    return needed(request.base, "base", request.settings.backend)


def _check_match(
    path: Path, adapter: AdapterManifest, base: BaseManifest, request: TransformersRequest
) -> None:
    """Refuse an adapter of another model or seed, or with other weights, prompts or precision."""
    template, settings = request.prompt_template(), request.settings
    problems = []
    if request.adapter_of is not None and adapter.model != request.adapter_of:
        problems.append(
            f"{path}: an adapter of the model {adapter.model}, not of {request.adapter_of}: "
            f"{how_to_retrain(path, adapter)}, or use its own --model"
        )
    if adapter.seed != request.seed:
        problems.append(
            f"{path}: trained with seed {adapter.seed}, not {request.seed}: "
            f"{how_to_retrain(path, adapter)}, or use --seed {adapter.seed}"
        )
    if adapter.base_sha256 != files_digest(base.files):
        problems.append(f"{path}: trained on other weights than those of {base.base}: retrain it")
    shots, trained = adapter.settings["shots"], adapter.settings["precision"]
    if (adapter.template_sha256, shots) != (template.sha256, settings.shots):
        problems.append(
            f"{path}: trained with other prompts ({shots} shots) than {template.path} with "
            f"{settings.shots} shots: use the same, or retrain it"
        )
    precision = settings.precision.model_dump(mode="json")
    if trained != precision and not settings.allow_other_precision:
        problems.append(
            f"{path}: trained with {trained}, but prediction has {precision}: use "
            "the same `precision`, or `allow_other_precision` in --settings of predict.py"
        )
    if problems:
        raise InputError(*problems)
