"""Customers: who writes to the shop, on whatever platforms, as one person each."""
