"""Summarizers: pairs of an e-mail and its reference lines, families fitted on them, and how well they do."""
