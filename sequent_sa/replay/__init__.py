"""How what is shown is rebuilt, while the application keeps running."""
