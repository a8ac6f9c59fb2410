"""How a command is carried out."""
