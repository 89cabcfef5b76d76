# Results depend on the content of the data, not on their path, so it is not among the settings.
LOCATION = location(STUDY.data)
CHECK_DATA = planned("check_data")
DATASET = planned("dataset")
DESCRIBE_DATA = planned("describe_data")
LEAKAGE = planned("leakage")
DATA_CARD = planned("data_card")


rule check_data:
    """step: check every row of the data"""

    # No input, as in `dataset`. It runs first, and all targets except `bases` need it, so that all
    # problems of the source are reported and stop the run.
    output:
        report=CHECK_DATA.output("report"),
        manifest=CHECK_DATA.output("manifest"),
    log:
        f"{RESULTS}/logs/check_data.log",
    priority: 1
    conda:
        "../envs/ecslm.yaml"
    resources:
        location=LOCATION,
    params:
        settings=CHECK_DATA.settings,
        source=CHECK_DATA.content,
        code=CHECK_DATA.code,
    message:
        "Check of the data"
    shell:
        "python scripts/check_data.py --settings {params.settings:q}"
        " --location {resources.location:q} --content {params.source} --code {params.code}"
        " --output {output.report} --manifest {output.manifest} --log {log}"


rule dataset:
    """step: write the records of one task and split"""

    # No input: the source may be removed once the files are built. The parameter `source` makes
    # them depend on its content.
    output:
        records=DATASET.output("records"),
        manifest=DATASET.output("manifest"),
    log:
        f"{RESULTS}/logs/dataset/{{task}}-{{split}}.log",
    conda:
        "../envs/ecslm.yaml"
    resources:
        location=LOCATION,
    params:
        settings=DATASET.settings,
        source=DATASET.content,
        code=DATASET.code,
    message:
        "Dataset file {wildcards.task} {wildcards.split}"
    shell:
        "python scripts/dataset.py --task {wildcards.task} --split {wildcards.split}"
        " --settings {params.settings:q} --location {resources.location:q}"
        " --content {params.source} --code {params.code} --output {output.records}"
        " --manifest {output.manifest} 2> {log}"


rule describe_data:
    """step: count the records of one task and their tokens"""
    input:
        records=DESCRIBE_DATA.input("records"),
        base=DESCRIBE_DATA.input("base"),
    output:
        description=DESCRIBE_DATA.output("description"),
        manifest=DESCRIBE_DATA.output("manifest"),
    log:
        f"{RESULTS}/logs/describe_data/{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    resources:
        template=DESCRIBE_DATA.template_file,
    params:
        settings=DESCRIBE_DATA.settings,
        template=DESCRIBE_DATA.template,
        code=DESCRIBE_DATA.code,
        versions=DESCRIBE_DATA.versions,
    message:
        "Description of the records of {wildcards.task}"
    shell:
        "python scripts/describe_data.py --task {wildcards.task} --records {input.records}"
        " --base {input.base} --template {resources.template}"
        " --template-digest {params.template} --settings {params.settings:q}"
        " --code {params.code} --output {output.description} --manifest {output.manifest} 2> {log}"


rule leakage:
    """step: measure the overlap of one task's test records with training"""
    input:
        test=LEAKAGE.input("test"),
        train=LEAKAGE.input("train"),
        others=LEAKAGE.input("others"),
    output:
        report=LEAKAGE.output("report"),
        manifest=LEAKAGE.output("manifest"),
    log:
        f"{RESULTS}/logs/leakage/{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        code=LEAKAGE.code,
        versions=LEAKAGE.versions,
    message:
        "Overlap of {wildcards.task} test records with training"
    shell:
        "python scripts/leakage.py --task {wildcards.task} --test {input.test} --train {input.train}"
        " --other-train {input.others} --code {params.code} --output {output.report}"
        " --manifest {output.manifest} 2> {log}"


rule data_card:
    """step: write the data card, which describes the records"""
    input:
        reports=DATA_CARD.input("reports"),
        template=DATA_CARD.input("template"),
    output:
        card=report(
            DATA_CARD.output("card"),
            caption="../report/captions/data_card.rst",
            category="Data",
            labels={"form": "data card"},
        ),
        manifest=DATA_CARD.output("manifest"),
    log:
        f"{RESULTS}/logs/data_card.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=DATA_CARD.settings,
        code=DATA_CARD.code,
        versions=DATA_CARD.versions,
        results=lambda wildcards: RESULTS,
    message:
        "Data card"
    shell:
        "python scripts/data_card.py --settings {params.settings:q} --results {params.results}"
        " --template {input.template} --code {params.code} --output {output.card}"
        " --manifest {output.manifest} 2> {log}"
