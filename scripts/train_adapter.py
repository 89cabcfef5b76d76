"""Train an adapter on dataset files with QLoRA.

example:
  python scripts/train_adapter.py --base results/bases/SmolLM2-135M/manifest.json \\
      --template resources/prompts/chatml.jinja --train results/demo/dataset/SA/train.jsonl \\
      --val results/demo/dataset/SA/val.jsonl --output mine/manifest.json
"""

from ecslm.script import run_script
from ecslm.training.run import train_adapter

if __name__ == "__main__":
    run_script(train_adapter)
