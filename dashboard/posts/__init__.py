"""New posts of the shop: written, looked at, sent, and what became of them."""
