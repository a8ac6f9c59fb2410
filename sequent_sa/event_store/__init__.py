"""What is remembered: commands, the events that they caused, and the keys that must be unique."""
