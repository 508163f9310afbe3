"""From raw mail to a registered model: ingest, clean, split, fit, evaluate, package."""
