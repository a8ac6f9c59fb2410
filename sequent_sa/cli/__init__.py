"""The command `sequent`."""
