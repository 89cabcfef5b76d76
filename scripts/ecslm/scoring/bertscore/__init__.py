"""BERTScore of generated answers."""
