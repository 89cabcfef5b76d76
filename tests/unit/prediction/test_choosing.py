"""Tokens are drawn by their probabilities, within top-p."""

import torch

from ecslm.prediction.generation import Sampling, likeliest

LOGITS = torch.tensor([[1.0, 3.0, -2.0, 2.0], [0.0, 0.0, 5.0, -1.0]])


def test_the_likeliest_token_is_the_first_with_the_largest_logit() -> None:
    logits = torch.tensor([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]])
    assert likeliest(logits, [0, 1], 0).tolist() == [1, 0]


def test_tokens_are_drawn_as_often_as_their_probability_says() -> None:
    count = 2000
    numbers = ((torch.arange(count) + 0.5) / count)[:, None]
    logits = LOGITS[:1].expand(count, -1)
    drawn = Sampling(0.5, 1.0, numbers)(logits, range(count), 0)
    shares = drawn.bincount(minlength=4) / count
    assert torch.allclose(shares, (LOGITS[0] / 0.5).softmax(0), atol=1 / count)


def test_only_tokens_within_top_p_are_drawn_even_at_the_ends_of_the_range() -> None:
    # The probabilities are 0.09, 0.67, 0.00 and 0.24: the first two in order make 0.91.
    numbers = torch.tensor([[0.0], [1 - 2**-24], [0.7], [0.8]])
    logits = LOGITS[:1].expand(4, -1)
    assert Sampling(1.0, 0.9, numbers)(logits, range(4), 0).tolist() == [1, 3, 1, 3]
    assert Sampling(1.0, 0.5, numbers)(logits, range(4), 0).tolist() == [1, 1, 1, 1]
    assert Sampling(1.0, 1.0, numbers)(logits, range(4), 0).tolist() == [0, 3, 1, 3]


def test_a_draw_is_that_of_its_prompt_and_step_whatever_rows_are_left() -> None:
    numbers = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
    choose = Sampling(2.0, 1.0, numbers)
    for step in range(3):
        together = choose(LOGITS[[0, 1, 0, 1, 0]], range(5), step)
        assert choose(LOGITS[[1, 0]], [3, 0], step).tolist() == together[[3, 0]].tolist()
