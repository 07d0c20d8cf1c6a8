"""The whole way on real parts: sticks, zones, a Kubernetes node, a PACS."""
