"""A patched map installed beside the original data: a shadow tree, and what the workflows need to read it."""
