"""The zone's registry: OCI Distribution 1.1 over the store, for containerd and everybody else."""
