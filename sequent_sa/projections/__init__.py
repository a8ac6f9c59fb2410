"""What is shown: view records, and the projectors that write them."""
