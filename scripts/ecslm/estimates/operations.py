"""Floating-point operations of models, counted as in PaLM (Chowdhery et al. 2022, appendix B).

A product with a matrix of N weights takes 2N for each token. Attention takes 4 x width x tokens for
each token and layer, of which causal attention needs half.
"""

from ecslm.estimates.sizes import Sizes


def reading(sizes: Sizes, tokens: float, length: float) -> float:
    """Reading tokens of texts that have `length` tokens: a forward pass without the head."""
    return tokens * (2 * sizes.linear + 2 * sizes.depth * sizes.queries * length)


def writing(sizes: Sizes, tokens: float, length: float) -> float:
    """Writing tokens, each after texts of `length` tokens, with the head."""
    attention = 4 * sizes.depth * sizes.queries * length
    return tokens * (2 * (sizes.linear + sizes.embedding) + attention)


def training(
    sizes: Sizes, updates: tuple[int, int], tokens: float, length: float, answer: float
) -> float:
    """Training on records of `tokens` tokens in all, of which `answer` are of answers.

    Forward and backward: 4N for the frozen base, which needs the gradient of its inputs alone, and
    6N for the adapter, which needs that of its weights too. The head's are those of answer tokens.

    Args:
        updates: parameters of the adapter: of the head, and of all other layers.
        length: tokens of a record.
    """
    of_head, of_others = updates
    layers = tokens * (4 * sizes.linear + 6 * of_others)
    head = answer * (4 * sizes.embedding + 6 * of_head)
    return layers + head + tokens * 6 * sizes.depth * sizes.queries * length
