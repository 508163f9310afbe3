"""E-mail → answer: the replicas behind HTTP, the candidate beside them, and how both are put on Ray Serve."""
