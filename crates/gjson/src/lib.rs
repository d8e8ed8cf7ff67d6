//! Pure. GJSON paths over bytes.
