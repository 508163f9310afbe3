"""Which options of a family do best: suggested by Optuna, tried by Ray Tune, kept in a journal that survives kills."""
