"""RuleSet → logical plan: what is computed, where, and what is shared."""
