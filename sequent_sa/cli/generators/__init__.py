"""What `sequent generate` writes, and how it changes files that somebody else has written."""
