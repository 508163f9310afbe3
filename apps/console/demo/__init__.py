"""The whole life of a model in some minutes, told step by step on live traffic: `triage demo`."""
