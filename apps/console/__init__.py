"""Human faces: the `triage` command line, and the demo."""
