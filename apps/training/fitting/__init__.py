"""How each family learns."""
