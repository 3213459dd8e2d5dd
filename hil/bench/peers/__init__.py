"""What others do with the same words from the same wires, told in our own words from their public code and papers."""
