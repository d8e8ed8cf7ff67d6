//! Seam. What a backend is.
