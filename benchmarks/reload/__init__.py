"""What a reload costs: compiling beside the work, and the pause of the shards."""
