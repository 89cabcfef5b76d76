from ecslm.data.card import card_files
from ecslm.data.settings import LEAKAGE_LIBRARIES
from ecslm.data.source import location
from ecslm.plan.inputs import source_of

# Results depend on the content of the data, not on their path, so it is not among the settings.
LOCATION = location(STUDY.settings.data)


rule check_data:
    """step: check every row of the data"""

    # No input, as in `dataset`. It runs first, and all targets except `bases` need it, so that all
    # problems of the source are reported and stop the run.
    output:
        report="<results>/data_check.json",
        manifest="<results>/data_check.manifest.json",
    priority: 1
    resources:
        location=LOCATION,
    params:
        **made_by("check_data.py", jobs.check_settings),
        source=per_job(lambda study: source_of(study).content()),
    shell:
        "python scripts/check_data.py --settings {params.settings:q}"
        " --location {resources.location:q} --content {params.source} --code {params.code}"
        " --output {output.report} --manifest {output.manifest} --log {log}"


rule dataset:
    """step: write the records of one task and split"""

    # No input: the source may be removed once the files are built. The parameter `source` makes
    # them depend on its content.
    output:
        records="<results>/dataset/{task}/{split}.jsonl",
        manifest="<results>/dataset/{task}/{split}.manifest.json",
    resources:
        location=LOCATION,
    params:
        **made_by("dataset.py", jobs.dataset_settings),
        source=per_job(lambda study, task, split: source_of(study).content(task, split)),
    shell:
        "python scripts/dataset.py --task {wildcards.task} --split {wildcards.split}"
        " --settings {params.settings:q} --location {resources.location:q}"
        " --content {params.source} --code {params.code} --output {output.records}"
        " --manifest {output.manifest} 2> {log}"


rule describe_data:
    """step: count the records of one task and their tokens"""
    input:
        records=lambda job: expand(
            "<results>/dataset/{task}/{split}.jsonl", task=job.task, split=STUDY.splits(job.task)
        ),
        # Its tokenizer counts.
        base=lambda job: STUDY.base(STUDY.model(STUDY.described_model).base),
    output:
        description="<results>/descriptions/{task}.json",
        manifest="<results>/descriptions/{task}.manifest.json",
    resources:
        # The prompt of the model whose tokenizer counts.
        template=lambda job: STUDY.template(STUDY.described_model),
    params:
        **made_by("describe_data.py", jobs.description_settings),
        template=per_job(lambda study: jobs.prompt(study, study.described_model)),
    shell:
        "python scripts/describe_data.py --task {wildcards.task} --records {input.records}"
        " --base {input.base} --template {resources.template}"
        " --template-digest {params.template} --settings {params.settings:q}"
        " --code {params.code} --output {output.description} --manifest {output.manifest} 2> {log}"


rule leakage:
    """step: measure the overlap of one task's test records with training"""
    input:
        test="<results>/dataset/{task}/test.jsonl",
        train="<results>/dataset/{task}/train.jsonl",
        others=lambda job: expand(
            "<results>/dataset/{task}/train.jsonl",
            task=[task for task in STUDY.training_tasks if task != job.task],
        ),
    output:
        report="<results>/leakage/{task}.json",
        manifest="<results>/leakage/{task}.manifest.json",
    params:
        **made_by("leakage.py", libraries=lambda study: LEAKAGE_LIBRARIES),
    shell:
        "python scripts/leakage.py --task {wildcards.task} --test {input.test} --train {input.train}"
        " --other-train {input.others} --code {params.code} --output {output.report}"
        " --manifest {output.manifest} 2> {log}"


rule data_card:
    """step: write the data card, which describes the records"""
    input:
        reports=lambda job: of_study(card_files(jobs.data_card_settings(STUDY))),
        template="report/data_card.md.jinja",
    output:
        card=shown("<results>/data_card.md", "Data", "data_card", form="data card"),
        manifest="<results>/data_card.manifest.json",
    params:
        **gathered_by("data_card.py", jobs.data_card_settings),
    shell:
        "python scripts/data_card.py --settings {params.settings:q} --results {params.results}"
        " --template {input.template} --code {params.code} --output {output.card}"
        " --manifest {output.manifest} 2> {log}"
