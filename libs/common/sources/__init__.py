"""From an address to raw mails: files, mailboxes, tables, archives, here or in a bucket."""
