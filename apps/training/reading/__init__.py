"""From a source's URI to labelled e-mails: recipes, feedback, public corpora."""
