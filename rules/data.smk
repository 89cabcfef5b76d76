rule check_data:
    # No input, as below. First, so that a broken source is told of whole and stops the rest: all
    # targets of the Snakefile but `bases` have it.
    output:
        report=f"{RESULTS}/data_check.json",
        manifest=f"{RESULTS}/data_check.manifest.json",
    log:
        f"{RESULTS}/logs/check_data.log",
    priority: 1
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=PLAN.check_settings(),
        source=parameter(PLAN.check_source_content),
        code=PLAN.check_code(),
    message:
        "Check of the data"
    shell:
        "python scripts/check_data.py --settings {params.settings:q} --content {params.source}"
        " --code {params.code} --output {output.report} --manifest {output.manifest} --log {log}"


rule dataset:
    # No input: the source may be away once the files are made. A parameter ties them to it.
    output:
        records=f"{RESULTS}/dataset/{{task}}/{{split}}.jsonl",
        manifest=f"{RESULTS}/dataset/{{task}}/{{split}}.manifest.json",
    log:
        f"{RESULTS}/logs/dataset/{{task}}-{{split}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=parameter(PLAN.dataset_settings, "task", "split"),
        source=parameter(PLAN.dataset_source, "task", "split"),
        code=PLAN.dataset_code(),
    message:
        "Dataset file {wildcards.task} {wildcards.split}"
    shell:
        "python scripts/dataset.py --task {wildcards.task} --split {wildcards.split}"
        " --settings {params.settings:q} --content {params.source} --code {params.code}"
        " --output {output.records} --manifest {output.manifest} 2> {log}"


rule describe_data:
    input:
        records=lambda wildcards: PLAN.task_files(wildcards.task),
        base=PLAN.base(PLAN.model(PLAN.described_model).base),
        template=PLAN.template(PLAN.described_model),
    output:
        description=f"{RESULTS}/descriptions/{{task}}.json",
        manifest=f"{RESULTS}/descriptions/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/describe_data/{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=parameter(PLAN.description_settings, "task"),
        code=code_parameter("describe_data.py"),
        versions=PLAN.description_versions(),
    message:
        "Description of the records of {wildcards.task}"
    shell:
        "python scripts/describe_data.py --task {wildcards.task} --records {input.records}"
        " --base {input.base} --template {input.template} --settings {params.settings:q}"
        " --code {params.code} --output {output.description} --manifest {output.manifest} 2> {log}"


rule leakage:
    input:
        test=f"{RESULTS}/dataset/{{task}}/test.jsonl",
        train=f"{RESULTS}/dataset/{{task}}/train.jsonl",
        others=lambda wildcards: PLAN.other_training_files(wildcards.task),
    output:
        report=f"{RESULTS}/leakage/{{task}}.json",
        manifest=f"{RESULTS}/leakage/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/leakage/{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        code=code_parameter("leakage.py"),
        versions=PLAN.leakage_versions(),
    message:
        "Overlap of {wildcards.task} test records with training"
    shell:
        "python scripts/leakage.py --task {wildcards.task} --test {input.test} --train {input.train}"
        " --other-train {input.others} --code {params.code} --output {output.report}"
        " --manifest {output.manifest} 2> {log}"


rule data_card:
    input:
        reports=DRAWN.card_inputs(),
        template=CARD,
    output:
        card=report(f"{RESULTS}/data_card.md", caption="../report/captions/data_card.rst"),
        manifest=f"{RESULTS}/data_card.manifest.json",
    log:
        f"{RESULTS}/logs/data_card.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=DRAWN.card_settings(),
        code=code_parameter("data_card.py"),
        results=lambda wildcards: RESULTS,
    message:
        "Data card"
    shell:
        "python scripts/data_card.py --settings {params.settings:q} --results {params.results}"
        " --template {input.template} --code {params.code} --output {output.card}"
        " --manifest {output.manifest} 2> {log}"
