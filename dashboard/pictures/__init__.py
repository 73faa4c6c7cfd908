"""Pictures: those of customers, and those that colleagues attach."""
