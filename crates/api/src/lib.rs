//! Pure. The resource types of external-secrets.io.
