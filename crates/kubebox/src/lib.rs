//! Shell. The embedded Kubernetes API.
