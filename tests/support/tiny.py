"""Tiny models in hub layout, random but the same at every call, for tests that need real ones."""

import json
from pathlib import Path

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

HIDDEN, INTERMEDIATE, LAYERS, HEADS, KEY_VALUE_HEADS = 64, 128, 2, 4, 2

TURN_MARKERS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

SENTENCES = (
    "Below is an instruction that describes a task, paired with an input that gives its context.",
    "Write a response that completes the request.",
    "### Instruction: Does the product relate to the query? Answer yes or no.",
    "### Input: wireless noise cancelling headphones, black, with charging cable",
    '### Options: ["A: very positive", "B: positive", "C: neutral", "D: negative"]',
    "### Response: yes",
    "The customer bought a stainless steel water bottle and a yoga mat.",
    "You are a helpful assistant for online shops.",
)


def write_tiny_model(folder: Path, seed: int = 0) -> Path:
    """A Llama of some 100,000 weights with a tied head and a byte-level tokenizer.

    Its weights are far apart, so that rounding does not decide between two tokens.
    """
    tokenizer = byte_level_tokenizer(TURN_MARKERS)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=INTERMEDIATE,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_VALUE_HEADS,
        max_position_embeddings=4096,
        initializer_range=0.1,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return save(folder, LlamaForCausalLM, config, tokenizer, seed)


def write_tiny_encoder(folder: Path) -> Path:
    """A BERT of two layers with a tokenizer of whole words and single letters."""
    tokenizer = _word_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        initializer_range=0.2,
    )
    return save(folder, BertModel, config, tokenizer)


def save(folder: Path, kind: type, config: object, tokenizer: object, seed: int = 0) -> Path:
    """Write a model of random weights and its tokenizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def byte_level_tokenizer(markers: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of bytes and some of their pairs.

    Args:
        markers: of no text, of the beginning and of the end.
    """
    unknown, begin, end = markers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=markers,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=begin, eos_token=end, pad_token=end, unk_token=unknown
    )


def _word_tokenizer() -> PreTrainedTokenizerFast:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = sorted({word for line in SENTENCES for word in line.lower().split() if word.isalpha()})
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = [(name, vocabulary[name]) for name in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def trained_weights(folder: Path, rank: int) -> int:
    """Weights of a rank-`rank` adapter on all linear layers and the head of the tiny model."""
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    key_value = HIDDEN // HEADS * KEY_VALUE_HEADS
    per_layer = 2 * (HIDDEN + HIDDEN) + 2 * (HIDDEN + key_value) + 3 * (HIDDEN + INTERMEDIATE)
    return int(rank * (LAYERS * per_layer + HIDDEN + vocabulary))
