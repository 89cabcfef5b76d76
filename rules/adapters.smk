rule train_adapter:
    input:
        train=PLAN.training_files("train"),
        val=PLAN.training_files("val"),
        base=lambda wildcards: PLAN.base(PLAN.model(wildcards.model).base),
        template=lambda wildcards: ancient(PLAN.template(wildcards.model)),
    output:
        weights=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/adapter_model.safetensors",
        config=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/adapter_config.json",
        history=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/log.jsonl",
        cost=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/cost.json",
        # Last: Snakemake deletes in this order, and what lies there without a manifest is refused.
        manifest=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/manifest.json",
    log:
        f"{RESULTS}/logs/train_adapter/{{model}}-seed-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_adapter/{{model}}-seed-{{seed}}.tsv"
    conda:
        "../envs/ecslm.yaml"
    threads: 8
    resources:
        gpu=1,
        device=STUDY.device,
    params:
        settings=parameter(PLAN.adapter_settings, "model"),
        template=parameter(PLAN.template_digest, "model"),
        code=code_parameter("train_adapter.py"),
        versions=parameter(PLAN.adapter_versions, "model"),
    message:
        "Adapter {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python scripts/train_adapter.py --train {input.train} --val {input.val}"
        " --base {input.base} --template {input.template} --settings {params.settings:q}"
        " --seed {wildcards.seed} --device {resources.device} --code {params.code}"
        " --output {output.manifest} --log {log}"
