//! Pure. Plan, render, diff, status and schedule: every decision about a Secret.
