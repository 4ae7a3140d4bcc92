"""Fine pixels become cells, and cells a decision: keep the base cover or change it."""
