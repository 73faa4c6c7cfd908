"""What platforms knock at: the doors of webhooks, and the pictures that they fetch from us."""
