"""What a SLURM cluster offers, what a run asks of it, and a trial of one of its nodes."""
