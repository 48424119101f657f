"""YAML → `RuleSet`: checked rules, with a diagnostic for every mistake."""
