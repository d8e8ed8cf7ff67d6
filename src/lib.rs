//! Tidegate keeps native Kubernetes Secrets equal to what teams declare in ExternalSecrets.
