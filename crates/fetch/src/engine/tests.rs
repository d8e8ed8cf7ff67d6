//! Pure. The state machine under virtual time.
