"""Edits that rerun nothing: of words, layout, dates and places, and of code that makes no result.

Edits that cannot hide each other are made together, in the order in which they stand, and
Snakemake is asked once for all of them. If it would run anything, its output says why.
test_reruns.py has those that rerun something.
"""

from pathlib import Path

import pytest
from support.completed import ALPACA, GENERATED, LABELS, MODELS, study_options
from support.edits import (
    Edit,
    added,
    checked_out_again,
    commented,
    configured,
    in_python,
    in_rules,
    laid_out,
    locked,
    logic,
    made,
    renamed,
    replaced,
    together,
    touched,
    with_keys_reversed,
    with_more_log_lines,
    with_scrambled_times,
    without_weights,
)
from support.scratch import planned_jobs, snakemake

# By what they have in common: a study, and edits by their words.
WITHOUT_EFFECT: dict[str, tuple[str, dict[str, Edit]]] = {
    "words, layout, code that makes no result, and what does not reach it": (
        "generated",
        {
            # The others, of names, order and places too: unit/fingerprint/test_digest.py.
            "log and warning lines in all code": in_python(with_more_log_lines),
            "comments and blank lines after each statement of Python": in_python(commented),
            "what a job cost": logic("ecslm/models/cost.py"),
            "the cache, the folder of unfinished work, manifests and errors": logic(
                *("ecslm/common/results_cache.py", "ecslm/common/workdir.py"),
                *("ecslm/common/manifests.py", "ecslm/common/errors.py"),
            ),
            "the summary that a script prints": logic("ecslm/reports/summaries.py"),
            "code that only plans, explains or verifies": logic(
                *(f"ecslm/plan/{name}.py" for name in ("study", "requests")),
                "ecslm/fingerprint/digest.py",
                *(f"ecslm/config/{name}.py" for name in ("schema", "loading", "problems")),
                *(f"ecslm/provenance/{name}.py" for name in ("why", "results", "run")),
            ),
            "the code and the card of exported models, which nobody has asked for": together(
                logic("ecslm/exports/run.py", "ecslm/exports/card.py"),
                added("report/model_card.md.jinja", "More."),
                configured("licenses", {"Tiny": "mit"}),
            ),
            "log paths": in_rules(r"/logs/", "/messages/"),
            "messages": in_rules(r"(?<=one\.message = f\")", "Now: "),
            "resources and thread counts": together(
                configured(f"{GENERATED}.threads", 3),
                configured(f"{GENERATED}.gpus", 2),
                in_rules(r"gpu=1,", "gpu=2,"),
                in_rules(r'"mem_mb": lambda .+,', '"mem_mb": 4000,'),
                in_rules(r'"runtime": lambda .+,', '"runtime": 9,'),
            ),
            "comments, blank lines and other line breaks in rules": together(
                in_rules(r"(?m)^(?=rule )", "# A remark.\n\n"),
                in_rules(r"(?m)^(?=    (params|shell):)", "    # A remark.\n\n"),
                # Strings that stand beside each other are one.
                in_rules(r'"\n +"', ""),
            ),
            "the device": configured(f"{GENERATED}.device", "cuda"),
            "the order of the layers that adapters update": configured(
                f"{GENERATED}.training.target_modules",
                [f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")]
                + ["lm_head"],
            ),
            "the order of keys in config.yaml": with_keys_reversed,
            "a caption of Snakemake's own report": added("report/captions/table.rst", "New."),
            "a prompt template of no model": added("resources/prompts/llama3.jinja", "New."),
            "a renamed prompt template, with the configuration": together(
                renamed(ALPACA, "renamed.jinja"),
                replaced("studies/paper.yaml", "template: alpaca", "template: renamed"),
                configured(f"{MODELS}.Tiny-Exact.template", "renamed"),
                configured("studies.local.models.Tiny.template", "renamed"),
                configured("studies.local.models.Tiny-EC.template", "renamed"),
            ),
            "what jobs ask a scheduler for": together(
                logic("ecslm/plan/requests.py", "ecslm/estimates/formulas.py"),
                replaced(
                    "resources/devices.csv", "NVIDIA A10G,cuda,24,70,", "NVIDIA A10G,cuda,24,7,"
                ),
                replaced("resources/lengths.csv", "SA,193,", "SA,1930,"),
            ),
            "weights that stayed on another machine": without_weights,
            "a local tag of a version": locked("torch", "2.13.0+cpu"),
            "the version of a library that only tests use": locked("hypothesis", "99.1"),
            "the version of a library that converts weights of wheels": locked("gguf", "99.1"),
            # As version control makes files anew, edited ones too.
            "git checkout other && git checkout -": checked_out_again,
        },
    ),
    "local data": (
        "local",
        {
            "the batch token budget, where all engines are exact": configured(
                "studies.local.batch_tokens", 3000
            ),
            "the layout of the relevance labels": laid_out(LABELS),
            "the order of keys in config.yaml, with local data": with_keys_reversed,
            "touch of every source and data file": touched,
        },
    ),
    # It would undo what others do.
    "dates": (
        "local",
        {"a fresh clone, or a copy, of everything that kept no dates": with_scrambled_times},
    ),
    "a step that made the same bytes again": (
        "local",
        {
            "code that loads data and weights, after a run of `-- datasets bases`": together(
                logic("ecslm/data/records.py", "ecslm/models/fetching.py"),
                made("local", "datasets", "bases"),
            )
        },
    ),
}


@pytest.mark.parametrize("kind", WITHOUT_EFFECT)
def test_these_edits_rerun_nothing(kind: str, project: Path) -> None:
    study, edits = WITHOUT_EFFECT[kind]
    for edit in edits.values():
        edit(project)
    run = snakemake(project, "--dry-run", *study_options(study))
    assert planned_jobs(run.stdout + run.stderr) == {}, run.stdout
    assert run.returncode == 0, run.stderr
