//! Shell. Calls to backends: groups, joins, batches, limits, sessions.
