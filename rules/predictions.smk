rule predict:
    input:
        dataset=f"{RESULTS}/dataset/{{task}}/test.jsonl",
        base=lambda wildcards: PLAN.base(PLAN.model(wildcards.model).base),
        adapter=adapter_of,
        template=lambda wildcards: ancient(PLAN.template(wildcards.model)),
    output:
        predictions=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{task}}.jsonl",
        cost=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{task}}.cost.json",
        manifest=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/predict/{{model}}-seed-{{seed}}-{{task}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict/{{model}}-seed-{{seed}}-{{task}}.tsv"
    conda:
        "../envs/ecslm.yaml"
    threads: 8
    resources:
        gpu=1,
        device=STUDY.device,
        batch_tokens=STUDY.batch_tokens,
    params:
        settings=parameter(PLAN.prediction_settings, "model", "task"),
        template=parameter(PLAN.template_digest, "model"),
        code=parameter(PLAN.prediction_code, "model", "task"),
        versions=parameter(PLAN.prediction_versions, "model", "task"),
        adapter=lambda wildcards, input: f"--adapter {input.adapter}" if input.adapter else "",
    message:
        "Predictions of {wildcards.model}, seed {wildcards.seed}, {wildcards.task}"
    shell:
        "python scripts/predict.py --dataset {input.dataset} --base {input.base} {params.adapter}"
        " --template {input.template} --settings {params.settings:q}"
        " --batch-tokens {resources.batch_tokens} --seed {wildcards.seed}"
        " --device {resources.device} --code {params.code} --output {output.predictions}"
        " --cost {output.cost} --manifest {output.manifest} --log {log}"


rule bertscore:
    input:
        predictions=rules.predict.output.predictions,
        encoder=PLAN.encoder(),
    output:
        rows=f"{RESULTS}/bertscore/{{model}}/seed-{{seed}}/{{task}}.jsonl",
        manifest=f"{RESULTS}/bertscore/{{model}}/seed-{{seed}}/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/bertscore/{{model}}-seed-{{seed}}-{{task}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/bertscore/{{model}}-seed-{{seed}}-{{task}}.tsv"
    conda:
        "../envs/ecslm.yaml"
    threads: 8
    resources:
        gpu=1,
        device=STUDY.device,
    params:
        settings=PLAN.bertscore_settings(),
        code=code_parameter("bertscore.py"),
        versions=PLAN.bertscore_versions(),
        cache=lambda wildcards: str(CACHE / "bertscore"),
    message:
        "BERTScore of {wildcards.model}, seed {wildcards.seed}, {wildcards.task}"
    shell:
        "python scripts/bertscore.py --predictions {input.predictions} --encoder {input.encoder}"
        " --settings {params.settings:q} --device {resources.device} --code {params.code}"
        " --cache {params.cache} --output {output.rows} --manifest {output.manifest} --log {log}"
