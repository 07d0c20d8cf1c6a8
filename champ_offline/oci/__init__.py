"""OCI content as pure values: digests, references, descriptors, manifests, the image layout."""
