"""BERTScore of generated answers, cached by pair of texts."""
