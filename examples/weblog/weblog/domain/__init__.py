"""What the application decides, one package for each aggregate."""
