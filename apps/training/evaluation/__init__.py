"""How good a fitted model is, what is wrong with it, and which of several is best."""
