"""From predictions to scores with intervals."""
