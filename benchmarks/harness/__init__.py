"""How it is measured: rounds, figures, settings, targets, and what is written of it."""
