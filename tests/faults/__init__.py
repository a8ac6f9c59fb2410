"""What goes wrong outside of the application: processes die, connections break, disks are full, locks are held."""
