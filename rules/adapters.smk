rule base_model:
    """step: fetch the pretrained weights of one base"""
    output:
        # The weights lie beside it. They are no outputs: where results were copied to, they may be
        # absent, and nothing reruns.
        manifest="results/bases/{base}/manifest.json",
    log:
        "results/bases/{base}/fetch.log",
    params:
        **made_by("base_model.py", jobs.base_settings),
        content=content,
        # Of a base that only its content identifies: a local directory.
        content_option=lambda wildcards, input: options(content=content(wildcards)),
    shell:
        "python scripts/base_model.py --base {wildcards.base} --settings {params.settings:q}"
        " {params.content_option} --code {params.code} --output {output.manifest} --log {log}"


rule train_adapter:
    """step: train the adapter of one model and seed with QLoRA"""
    input:
        train=expand("<results>/dataset/{task}/train.jsonl", task=STUDY.training_tasks),
        val=expand("<results>/dataset/{task}/val.jsonl", task=STUDY.training_tasks),
        base=base_of,
    output:
        weights="<results>/adapters/{model}/seed-{seed}/adapter_model.safetensors",
        config="<results>/adapters/{model}/seed-{seed}/adapter_config.json",
        history=timed("<results>/adapters/{model}/seed-{seed}/log.jsonl"),
        cost=timed("<results>/adapters/{model}/seed-{seed}/cost.json"),
        manifest="<results>/adapters/{model}/seed-{seed}/manifest.json",
    priority: model_by_model
    threads: STUDY.settings.threads
    resources:
        **request("train_adapter"),
        gpu=STUDY.settings.gpus,
        # Not {gpu}, which a profile caps.
        processes=STUDY.settings.gpus,
    params:
        **made_by("train_adapter.py", jobs.adapter_settings),
        template=prompt,
    shell:
        "python scripts/train_adapter.py --train {input.train} --val {input.val}"
        " --base {input.base} --template {resources.template} --template-digest {params.template}"
        " --settings {params.settings:q} --model {wildcards.model} --seed {wildcards.seed}"
        " --device {resources.device} --threads {resources.model_threads}"
        " --processes {resources.processes} --code {params.code} --output {output.manifest}"
        " --log {log}"
