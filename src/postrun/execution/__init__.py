"""Where a job over many runs is done: in this process, on all cores, on a Dask cluster."""
