"""One transaction's worth: what a command loads, changes and publishes, together or not at all."""
