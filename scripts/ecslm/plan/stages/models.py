"""The jobs that run a model: adapters, predictions, BERTScores."""

from collections.abc import Iterator, Mapping

from ecslm.config.schema import EncoderSettings
from ecslm.estimates.estimate import Request
from ecslm.models.manifests import RunManifest
from ecslm.plan.keys import RunKey, SeedKey
from ecslm.plan.parameters import json_parameter
from ecslm.plan.requests import requests_of
from ecslm.plan.rules import Files, ModelRule, path_patterns
from ecslm.prediction.backend import backend_module, modules_of
from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas import paths
from ecslm.scoring.bertscore.settings import LIBRARIES as BERTSCORE_LIBRARIES
from ecslm.scoring.bertscore.settings import BertScoreSettings
from ecslm.training.settings import AdapterSettings


class TrainAdapter(ModelRule[SeedKey]):
    """The adapter of one tuned model and seed."""

    name, script, key_type = "train_adapter", "train_adapter.py", SeedKey
    outputs = path_patterns(
        weights=paths.ADAPTER_WEIGHTS,
        config=paths.ADAPTER_CONFIG,
        history=paths.ADAPTER_LOG,
        cost=paths.ADAPTER_COST,
        manifest=paths.ADAPTER,
    )
    timed = frozenset(("history", "cost"))
    kept = True
    manifest_form = RunManifest

    def all_keys(self) -> Iterator[SeedKey]:
        """The seeds of tuned models."""
        yield from (one for one in self.study.seeds() if self.study.model(one.model).tuned)

    def inputs(self, key: SeedKey) -> Mapping[str, Files]:
        """The records of all tasks that train, and the base."""
        return {
            "train": self.study.training_files("train"),
            "val": self.study.training_files("val"),
            "base": self.study.base(self.study.local_models[key.model].base),
        }

    def settings(self, key: SeedKey) -> AdapterSettings:
        """The model's hyper-parameters."""
        model = self.study.local_models[key.model]
        assert model.training is not None, "only tuned models have adapters"
        return AdapterSettings(
            precision=model.precision, shots=model.shots, training=model.training
        )

    def request(self, key: SeedKey) -> Request:
        """The request, by the size of the model and the training records."""
        return requests_of(self.study).adapter(key.model)

    def template(self, key: SeedKey) -> str | None:
        """The model's prompt."""
        return self.study.template(key.model)

    def libraries_of(self, key: SeedKey) -> tuple[str, ...]:
        """The libraries of training, and of quantisation if it is used."""
        return self.settings(key).libraries


class Predict(ModelRule[RunKey]):
    """The answers of one model and seed to the test records of one task."""

    name, script, key_type = "predict", "predict.py", RunKey
    outputs = path_patterns(
        predictions=paths.PREDICTIONS,
        cost=paths.PREDICTIONS_COST,
        manifest=paths.PREDICTIONS_MANIFEST,
    )
    timed = frozenset(("cost",))
    kept = True
    manifest_form = RunManifest

    def all_keys(self) -> Iterator[RunKey]:
        """All runs."""
        return self.study.runs()

    def inputs(self, key: RunKey) -> Mapping[str, Files]:
        """The test records, and what there is of the model: base, adapter, answers, or the records
        that it learns from."""
        study, model = self.study, self.study.model(key.model)
        tuned = model.adapter_name(key.model)
        adapter = () if tuned is None else study.path(paths.ADAPTER, model=tuned, seed=key.seed)
        return {
            "dataset": study.dataset_file(key.task, "test"),
            "base": () if model.base is None else study.base(model.base),
            "adapter": adapter,
            "answers": study.answer_files(key.model, key.task),
            **{
                split: study.dataset_file(key.task, split) if model.LEARNS else ()
                for split in ("train", "val")
            },
        }

    def settings(self, key: RunKey) -> PredictionSettings:
        """How the model answers."""
        return self.study.model(key.model).prediction(
            self.study.decoding(key.task),
            self.study.settings.batch_tokens,
            self.study.answered_settings(key.model, key.task),
            self.study.task(key.task),
        )

    def needs(self, key: RunKey) -> Mapping[str, int | str]:
        """The resources that the backend needs. Only jobs that compute need threads."""
        settings, model = self.settings(key), self.study.model(key.model)
        access = model.reached()
        threads = self.study.settings.threads if settings.LOCAL else 1
        reached = {} if access is None else {"access": json_parameter(access)}
        return {**model.RESOURCES, "threads": threads, **reached}

    def request(self, key: RunKey) -> Request:
        """The request, by the size of the model, the test records and their answers."""
        return requests_of(self.study).predictions(key.model, key.task)

    def template(self, key: RunKey) -> str | None:
        """The model's prompt, if it is known."""
        return self.study.template(key.model)

    def modules(self, key: RunKey) -> tuple[str, ...]:
        """The backend, and what it loads."""
        return modules_of(self.settings(key))

    def libraries_of(self, key: RunKey) -> tuple[str, ...]:
        """The libraries of the backend."""
        settings = self.settings(key)
        backend = backend_module(settings.backend)
        tuned = self.study.model(key.model).adapter_name(key.model) is not None
        return backend.libraries(settings, tuned=tuned)


class BertScore(ModelRule[RunKey]):
    """BERTScores of the answers to a generation task."""

    name, script, key_type = "bertscore", "bertscore.py", RunKey
    outputs = path_patterns(rows=paths.BERTSCORE, manifest=paths.BERTSCORE_MANIFEST)
    libraries = BERTSCORE_LIBRARIES
    kept = True

    def all_keys(self) -> Iterator[RunKey]:
        """The runs of generation tasks."""
        yield from (one for one in self.study.runs() if self.study.is_generation(one.task))

    def inputs(self, key: RunKey) -> Mapping[str, Files]:
        """The answers, and the encoder."""
        return {
            "predictions": self.study.path(
                paths.PREDICTIONS, model=key.model, seed=key.seed, task=key.task
            ),
            "encoder": self.study.base(self._encoder.encoder),
        }

    def settings(self, _key: RunKey) -> BertScoreSettings:
        """How texts are compared; the encoder is an input."""
        return BertScoreSettings(**self._encoder.model_dump(exclude={"encoder"}))

    def request(self, key: RunKey) -> Request:
        """The request, by the size of the encoder and the test records."""
        return requests_of(self.study).scored_texts(key.task)

    @property
    def _encoder(self) -> EncoderSettings:
        settings = self.study.settings.bertscore
        assert settings is not None, "the configuration requires it of generation tasks"
        return settings


RULES = (TrainAdapter, Predict, BertScore)
