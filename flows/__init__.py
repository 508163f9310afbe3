"""The lifecycle, one page each: Prefect flows that gather evidence, call a judgment, apply it, and write it down."""
