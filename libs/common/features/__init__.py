"""From an e-mail to what a model reads: parsing, cleaning, extraction. Pure functions; no service is spoken to here."""
