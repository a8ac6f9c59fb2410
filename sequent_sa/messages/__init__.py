"""What is said: commands, events and value objects, how they are validated, stored and routed."""
