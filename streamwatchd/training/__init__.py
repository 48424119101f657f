"""Training of models: from the vectors of a rule to a version in the repository, with a report. No daemon needs it."""
