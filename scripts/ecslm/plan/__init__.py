"""The jobs of a study: the outputs, inputs and parameters of each."""
