from ecslm.models.bases import BaseSettings, libraries
from ecslm.plan.models import adapter_settings, base_content

TRAINING = acceptable("train_adapter.py", lambda job: adapter_settings(STUDY, job.model).libraries)


rule base_model:
    """step: fetch the pretrained weights of one base"""
    output:
        manifest="results/bases/{base}/manifest.json",
    log:
        "results/bases/{base}/fetch.log",
    params:
        settings=settings(lambda job: BaseSettings(source=STUDY.config.bases[job.base])),
        content=of_job(lambda job: base_content(STUDY, job.base)),
        content_option=weights_content,
        code=code("base_model.py"),
        versions=versions(lambda job: libraries(STUDY.config.bases[job.base])),
    message:
        "Base weights {wildcards.base}"
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
    log:
        "<results>/logs/train_adapter/{model}-seed-{seed}.log",
    benchmark:
        "<results>/benchmarks/train_adapter/{model}-seed-{seed}.tsv"
    wildcard_constraints:
        model=one_of(STUDY.tuned_models),
    priority: model_by_model
    threads: STUDY.settings.threads
    resources:
        gpu=STUDY.settings.gpus,
        mem_mb=memory("train_adapter"),
        runtime=minutes("train_adapter"),
        device=STUDY.settings.device,
        template=template_file,
        # Not {threads}, which `--cores` caps.
        model_threads=STUDY.settings.threads,
        # Not {gpu}, which a profile caps.
        processes=STUDY.settings.gpus,
    params:
        settings=settings(lambda job: adapter_settings(STUDY, job.model)),
        template=prompt_of_model,
        code=TRAINING.code,
        versions=TRAINING.versions,
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
