//! Pure. The provider whose values stand in its store.
