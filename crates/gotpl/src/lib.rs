//! Pure. Go's text/template with sprig and the functions of the External Secrets Operator.
