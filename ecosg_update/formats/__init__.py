"""Cover maps and predictions as files, and back."""
