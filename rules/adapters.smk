BASE_MODEL = planned("base_model")
TRAIN_ADAPTER = planned("train_adapter")


rule base_model:
    """step: fetch the pretrained weights of one base"""
    output:
        manifest=BASE_MODEL.output("manifest"),
    log:
        f"{BASES}/{{base}}/fetch.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=BASE_MODEL.settings,
        content=BASE_MODEL.content,
        content_option=weights_content,
        code=BASE_MODEL.code,
        versions=BASE_MODEL.versions,
    message:
        "Base weights {wildcards.base}"
    shell:
        "python scripts/base_model.py --base {wildcards.base} --settings {params.settings:q}"
        " {params.content_option} --code {params.code} --output {output.manifest} --log {log}"


rule train_adapter:
    """step: train the adapter of one model and seed with QLoRA"""
    input:
        train=TRAIN_ADAPTER.input("train"),
        val=TRAIN_ADAPTER.input("val"),
        base=TRAIN_ADAPTER.input("base"),
    output:
        weights=TRAIN_ADAPTER.output("weights"),
        config=TRAIN_ADAPTER.output("config"),
        history=TRAIN_ADAPTER.output("history"),
        cost=TRAIN_ADAPTER.output("cost"),
        manifest=TRAIN_ADAPTER.output("manifest"),
    log:
        f"{RESULTS}/logs/train_adapter/{{model}}-seed-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_adapter/{{model}}-seed-{{seed}}.tsv"
    priority: model_by_model
    conda:
        "../envs/ecslm.yaml"
    threads: STUDY.threads
    resources:
        gpu=STUDY.gpus,
        mem_mb=TRAIN_ADAPTER.mem_mb,
        runtime=TRAIN_ADAPTER.runtime,
        device=STUDY.device,
        template=TRAIN_ADAPTER.template_file,
        # Not {threads}, which `--cores` caps.
        model_threads=STUDY.threads,
        # Not {gpu}, which a profile caps.
        processes=STUDY.gpus,
    params:
        settings=TRAIN_ADAPTER.settings,
        template=TRAIN_ADAPTER.template,
        code=TRAIN_ADAPTER.code,
        versions=TRAIN_ADAPTER.versions,
    message:
        "Adapter {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python scripts/train_adapter.py --train {input.train} --val {input.val}"
        " --base {input.base} --template {resources.template}"
        " --template-digest {params.template} --settings {params.settings:q}"
        " --model {wildcards.model} --seed {wildcards.seed} --device {resources.device}"
        " --threads {resources.model_threads} --processes {resources.processes}"
        " --code {params.code} --output {output.manifest}"
        " --log {log}"
