"""The jobs that measure how long models take to answer prompts one at a time."""

from collections.abc import Iterator, Mapping

from ecslm.estimates.estimate import Request
from ecslm.fingerprint.running import code_parameter
from ecslm.models.manifests import RunManifest
from ecslm.plan.keys import ModelKey, RunKey
from ecslm.plan.requests import requests_of
from ecslm.plan.rules import Files, ModelRule, path_patterns
from ecslm.plan.stages.models import Predict
from ecslm.prediction.latency_settings import LatencySettings
from ecslm.prediction.transformers_backend import libraries
from ecslm.schemas import paths


class MeasureLatency(ModelRule[ModelKey]):
    """The latency of one model, of its first seed; of models whose weights run here."""

    name, script, key_type = "measure_latency", "measure_latency.py", ModelKey
    # Its only output is a measured time.
    outputs = path_patterns(cost=paths.LATENCY, manifest=paths.LATENCY_MANIFEST)
    timed = frozenset(("cost",))
    manifest_form = RunManifest

    def all_keys(self) -> Iterator[ModelKey]:
        """The models that answer anything."""
        for name in self.study.local_models:
            if self.study.model_tasks(name):
                yield ModelKey(name)

    def inputs(self, key: ModelKey) -> Mapping[str, Files]:
        """The test records of its tasks, and what there is of the model."""
        tasks = self.study.model_tasks(key.model)
        predicted = self._predict.inputs(self._run(key))
        return {
            "datasets": tuple(self.study.dataset_file(task, "test") for task in tasks),
            "base": predicted["base"],
            "adapter": predicted["adapter"],
        }

    def settings(self, key: ModelKey) -> LatencySettings:
        """The sample, and how the model answers each task."""
        model = self.study.local_models[key.model]
        answered = {
            task: model.prediction(
                self.study.decoding(task),
                self.study.settings.batch_tokens,
                self.study.answered_settings(key.model, task),
                self.study.task(task),
            )
            for task in self.study.model_tasks(key.model)
        }
        return LatencySettings(
            **self.study.settings.latency.model_dump(),
            # Each prompt is alone in its batch.
            tasks={
                task: own.model_copy(update={"batch_tokens": None})
                for task, own in answered.items()
            },
        )

    def needs(self, key: ModelKey) -> Mapping[str, int | str]:
        """The GPU of predictions, and the digest that identifies the process with the model."""
        # The one that really runs, whatever it was shown to equal.
        modules = self._predict.modules(self._run(key))
        return {
            **self.study.model(key.model).RESOURCES,
            "worker_code": code_parameter(self._predict.script, modules),
        }

    def request(self, key: ModelKey) -> Request:
        """The request, by the size of the model and the sample."""
        return requests_of(self.study).latency(key.model)

    def template(self, key: ModelKey) -> str | None:
        """The model's prompt."""
        return self.study.template(key.model)

    def modules(self, key: ModelKey) -> tuple[str, ...]:
        """The backend, and what it loads."""
        return self.settings(key).modules()

    def libraries_of(self, key: ModelKey) -> tuple[str, ...]:
        """The libraries of the backend."""
        tuned = self.study.model(key.model).adapter_name(key.model) is not None
        used = (libraries(own, tuned=tuned) for own in self.settings(key).tasks.values())
        return tuple(dict.fromkeys(name for names in used for name in names))

    @property
    def _predict(self) -> Predict:
        return Predict(self.study)

    def _run(self, key: ModelKey) -> RunKey:
        """The predictions that the model makes first of all."""
        seed = str(self.study.model(key.model).seeds[0])
        return RunKey(key.model, seed, self.study.model_tasks(key.model)[0])


RULES = (MeasureLatency,)
