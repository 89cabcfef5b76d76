"""What jobs need before they run: memory, time and money, from the size of a model. No torch."""
