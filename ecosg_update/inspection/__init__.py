"""Visual inspection as a protocol: sites drawn from a map, shown to an expert, and what the verdicts say of it."""
