"""The first configuration of a user's own study, made from what their records are."""
