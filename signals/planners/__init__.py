"""Who proposes plans: one decision maker per file."""
