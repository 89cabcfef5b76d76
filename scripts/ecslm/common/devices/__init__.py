"""The GPUs of this machine, and the lease that gives each job some of its own."""
