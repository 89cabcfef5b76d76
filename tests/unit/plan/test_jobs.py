"""The jobs of a study as its rules state them: their files, inputs and parameters."""

import json

import pytest
from support.plans import BASELINES, IND, MODELS, TASKS, plan
from support.project import ROOT
from support.scripts import function_of
from support.stated_jobs import RULES, StatedJob, first_files, job_of, stated_jobs

from ecslm.fingerprint.digest import SCRIPTS, code_of
from ecslm.fingerprint.running import code_parameter
from ecslm.plan.jobs import prediction_settings
from ecslm.plan.study import Study
from ecslm.schemas.settings import JobSettings
from ecslm.script import command_line

CONTRASTS = {"tuning": {"kind": "models", "pairs": [["Small-EC", "Small"]], "settings": [IND]}}
TABLE = {"kind": "parameters", "label": "tab:p", "caption": "P", "models": ["Small-EC"]}
ANSWERS = {"archive": "answers.tar.gz", "commit": "c0ffee00", "folder": "results"}
RECORDED = {"Other": {"backend": "recorded", "published": "other"}}
LIMITED = {
    "Small-constrained": MODELS["Small"] | {"answers": "constrained"},
    "Small-likelihood": MODELS["Small"] | {"answers": "likelihood", "normalization": "bytes"},
}
RUN_MODELS = {"train_adapter", "predict", "measure_latency", "bertscore", "export_model"}
HERE = {"source": "hub", "id": str(ROOT / "resources/demo"), "revision": "main"}


@pytest.fixture(scope="module")
def whole() -> Study:
    """A study with jobs of every rule."""
    return plan(
        comparisons={"contrasts": CONTRASTS},
        tables={"parameters": TABLE},
        models=MODELS | RECORDED,
        answers=ANSWERS,
    )


def prediction(made: Study, model: str, task: str, seed: int = 0) -> StatedJob:
    return job_of(made, "predict", model=model, seed=seed, task=task)


def test_each_file_is_made_by_one_job_after_those_that_it_reads(whole: Study) -> None:
    made: set[str] = set()
    jobs = stated_jobs(whole).values()
    every = {path for job in jobs for path in job.files}
    for job in jobs:
        assert not made.intersection(job.files), job.name
        assert every.intersection(job.inputs) <= made, job.name
        made.update(job.files)
    assert {job.rule for job in jobs} == RULES


def test_a_log_is_called_like_its_rule_and_the_wildcards_of_its_job(whole: Study) -> None:
    logs = {path for job in stated_jobs(whole).values() for path in job.logs}
    names = ("check_data", "dataset/SA-val", "predict/Small-seed-0-SA", "render_table/parameters")
    assert {f"results/shop/logs/{name}.log" for name in names} < logs
    assert len(logs) == len(stated_jobs(whole))


def test_a_parameter_is_a_canonical_string_whose_form_says_what_it_is(whole: Study) -> None:
    forms = {"settings": "{", "code": "code:", "versions": "versions:", "template": "template:"}
    for job in stated_jobs(whole).values():
        for name in forms.keys() & job.params.keys():
            assert str(job.params[name] or forms[name]).startswith(forms[name]), job.name
        settings = json.loads(job.settings)
        canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"))
        assert job.settings == canonical, job.name
        # Snakemake deletes outputs in their order; results without a manifest are refused.
        assert list(job.outputs)[-1] == "manifest"


def test_a_script_names_the_modules_of_its_digest_as_its_rule_does() -> None:
    """It compares the digest with that of its own code."""
    made = plan(comparisons={"contrasts": CONTRASTS}, tables={"parameters": TABLE}, data=HERE)
    scripts = {"export_model": "export.py", "report_page": "report.py"}
    for job in stated_jobs(made).values():
        file = scripts.get(job.rule, f"{job.rule}.py")
        function = function_of(file)
        read = {action.dest: action.type for action in command_line(function, "")._actions}
        settings = read["settings"](job.settings) if "settings" in read else None
        modules = settings.modules() if isinstance(settings, JobSettings) else ()
        assert job.code == code_parameter(file, modules), job.name


def test_adapters_are_trained_on_the_tasks_of_the_study_that_train() -> None:
    names = job_of(plan(), "train_adapter", model="Small-EC", seed=1).named_inputs
    trained = sorted(TASKS.keys() - {"NEW"})
    for split in ("train", "val"):
        assert names[split] == tuple(f"results/shop/dataset/{x}/{split}.jsonl" for x in trained)


def test_only_jobs_that_run_a_model_ask_for_a_gpu_memory_and_time(whole: Study) -> None:
    for job in stated_jobs(whole).values():
        asked = {"gpu", "mem_mb", "runtime"} & job.resources.keys()
        assert len(asked) == (3 if job.rule in RUN_MODELS else 0), job.name


def test_a_baseline_is_scored_where_it_is_defined() -> None:
    names = ("majority", "random", "input-order")
    found = (("PM", "SA"), ("NEW", "PM", "QPR", "SA", "SR"), ("QPR",))
    assert tuple(map(plan().baseline_tasks, names)) == found


def test_jobs_of_one_model_and_seed_come_one_after_the_other_tuned_ones_first() -> None:
    numbers = plan().priorities
    names = [" ".join(key) for key in sorted(numbers, key=lambda key: -numbers[key])]
    assert names == ["Small-EC 0", "Small-EC 1", "Small 0"]
    assert min(numbers.values()) > 0, "before jobs that run no model"


def test_versions_are_those_of_the_libraries_that_compute_a_result() -> None:
    def libraries(job: StatedJob) -> set[str]:
        return set(json.loads(job.versions.removeprefix("versions:")))

    exact = plan(precision={"quantization": "none", "dtype": "float32"}, models=MODELS | LIMITED)
    quantised = plan(precision={"quantization": "nf4"})
    encoder = {"torch", "transformers", "safetensors", "tokenizers"}
    model = encoder | {"accelerate", "Jinja2"}
    adapter = {"model": "Small-EC", "seed": 0}
    assert libraries(job_of(exact, "train_adapter", **adapter)) == model | {"peft"}
    assert libraries(prediction(exact, "Small-EC", "PM")) == model | {"peft"}
    assert libraries(prediction(exact, "Small", "PM")) == model
    assert libraries(prediction(quantised, "Small", "PM")) == model | {"bitsandbytes"}
    assert "bitsandbytes" in libraries(job_of(quantised, "train_adapter", **adapter))
    assert "llguidance" in libraries(prediction(exact, "Small-constrained", "PM"))
    bertscore = job_of(exact, "bertscore", model="Small", seed=0, task="AG")
    assert libraries(bertscore) == encoder | {"bert-score"}


def test_the_code_of_a_job_is_that_of_the_task_or_mode_that_it_has() -> None:
    made = plan(models=MODELS | LIMITED)
    scores = {
        task: job_of(made, "score", model="Small", seed=0, task=task).code
        for task in made.test_tasks
    }
    assert scores["PM"] == scores["NEW"]
    assert len(set(scores.values())) == 6
    assert len({prediction(made, name, "PM").code for name in ("Small", *LIMITED)}) == 3
    free = prediction_settings(made, "Small", "PM").modules()
    reached = code_of(SCRIPTS).definitions("predict.py", free)
    assert not [name for name in reached if name.startswith("ecslm.families.transformers.answers.")]


def test_a_model_may_use_the_adapters_of_another_which_are_trained_once() -> None:
    own = MODELS["Small"] | {"adapter_of": "Small-EC", "seeds": [1]}
    made = plan(models=MODELS | {"Small-EC-constrained": own | {"answers": "constrained"}})
    assert first_files(made, "train_adapter") == first_files(plan(), "train_adapter")
    found = prediction(made, "Small-EC-constrained", "PM", seed=1)
    assert found.named_inputs["adapter"] == ("results/shop/adapters/Small-EC/seed-1/manifest.json",)


def test_latency_is_that_of_the_answers_that_are_predicted_but_for_their_batches() -> None:
    changes = {"precision": {"dtype": "bfloat16"}, "latency": {"prompts": 5}}
    made, other = plan(**changes), plan(**changes, batch_tokens=99)
    found = job_of(made, "measure_latency", model="Small-EC")
    assert found.settings == job_of(other, "measure_latency", model="Small-EC").settings
    for task, own in json.loads(found.settings)["tasks"].items():
        predicted = json.loads(prediction(made, "Small-EC", task).settings)
        assert predicted == own | {"batch_tokens": 777}
        assert own["batch_tokens"] is None
    assert "results/shop/adapters/Small-EC/seed-0/manifest.json" in found.inputs


def test_the_order_of_names_in_the_configuration_reaches_no_job_but_the_data_card() -> None:
    names, settings = ["Query_Product_Rank", "QPR_Old"], [IND, "OOD_Unseen", "IND_Unseen"]
    tolerated = ["bad_input", "bad_output", "duplicate_record"]

    def jobs(step: int) -> dict[str, StatedJob]:
        training = {"target_modules": ["v_proj", "q_proj"][::step]}
        tuned = MODELS["Small-EC"] | {"seeds": [3, 1][::step], "training": training}
        made = plan(
            {"QPR": {"aliases": names[::step]}},
            models=MODELS | {"Small-EC": tuned},
            tasks=list(TASKS)[::step],
            settings=settings[::step],
            baselines=BASELINES[::step],
            data={"source": "hub", "id": "a/b", "revision": "main", "tolerate": tolerated[::step]},
            comparisons={"contrasts": CONTRASTS},
        )
        return stated_jobs(made)

    plain, other = jobs(1), jobs(-1)
    assert plain.keys() == other.keys()
    for name, job in plain.items():
        if job.rule != "data_card":
            assert job.params == other[name].params, name
            # Snakemake does not compare their order.
            same = set if job.rule == "report_page" else list
            assert same(job.inputs) == same(other[name].inputs), name


def test_the_token_budget_counts_where_it_can_change_an_answer() -> None:
    for dtype, sample, budget in (
        ("float32", False, None),
        ("float32", True, 777),
        ("bfloat16", False, 777),
    ):
        study = plan(precision={"dtype": dtype}, decoding={"sample": sample})
        found = prediction_settings(study, "Small", "PM").model_dump()
        assert found["batch_tokens"] == budget
