"""Batches by HTTP: who may order what, where that runs, and what came of it. The work itself is ``apps.serving.batch``."""
