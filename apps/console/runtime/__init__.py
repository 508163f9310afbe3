"""The platform on one machine: which processes it is made of, how each is started, checked, healed and ended."""
