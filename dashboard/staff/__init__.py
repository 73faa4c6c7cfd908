"""Settings: one's own profile, the staff, the audit trail."""
