"""Load on an HTTP service: e-mails to send, closed-loop and open-loop clients, and what they found."""
