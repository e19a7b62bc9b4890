"""The words of OCI as values: references, digests, descriptors, manifests, image configs."""
