"""The sealed manifests of a plan as files for Argo CD or Flux (site/FORMAT.md, adr/0037)."""
