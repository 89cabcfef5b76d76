"""BERTScore of generated answers, kept by pair of texts."""
