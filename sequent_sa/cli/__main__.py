"""Lets `python -m sequent_sa.cli` do what the command `sequent` does."""

from sequent_sa.cli.main import main

if __name__ == "__main__":
    main()
