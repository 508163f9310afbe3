"""Frozen values and the judgments over them: plain Python, no I/O, time passed in as an argument."""
