"""Forgetting a person: what their mail left in every version, and what takes its place."""
