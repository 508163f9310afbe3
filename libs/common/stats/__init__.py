"""Statistics over plain numpy arrays, shared by training, monitoring and releases: no I/O, no clocks."""
