"""ECInstruct records: their form, loading, cleaning, validation."""
