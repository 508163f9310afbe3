"""From labelled e-mails to a dataset version that can be trusted, explained, compared and rebuilt."""
