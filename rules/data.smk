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
