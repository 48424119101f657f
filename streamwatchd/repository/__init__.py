"""The model repository: `<name>/<version>/` with a manifest and an artifact that is data only."""
