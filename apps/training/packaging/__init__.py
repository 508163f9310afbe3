"""What is said of a model inside its artifact: the card for people, and the bill of materials for programs."""
