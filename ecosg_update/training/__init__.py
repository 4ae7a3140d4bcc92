"""Sources of labelled pixels become a training set on the disk: selected, split without leakage, counted."""
