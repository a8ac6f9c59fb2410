"""The examples in a real browser. `nox --session browser` runs these."""
