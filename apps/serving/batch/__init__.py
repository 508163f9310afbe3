"""Offline: every e-mail of a source, triaged by one version, part by part; nothing here answers requests."""
