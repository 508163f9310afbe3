"""From a source's URI to labelled e-mails: corpora, mailboxes, tables, feedback."""
