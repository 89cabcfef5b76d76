"""Libraries whose versions can change what a model computes, as the lock file spells them."""

# Rendering a prompt and turning it into tokens.
OF_PROMPTS = ("Jinja2", "tokenizers")
# Loading weights and running them.
OF_MODELS = ("torch", "transformers", "accelerate", "safetensors")
