"""What is wrong with a cover map before PGD reads it: faults with their place, effect and cure."""
