"""The zone registry: the read side of OCI Distribution, serving the store's own files over TLS."""
