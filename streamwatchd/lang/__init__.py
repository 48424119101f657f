"""Expression text → typed tree."""
