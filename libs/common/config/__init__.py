"""The configuration: one schema per file of ``config/`` (same stem), and the loader. Judges values, starts nothing."""
