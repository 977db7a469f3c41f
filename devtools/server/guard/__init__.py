"""The guard in front of every route of ours: `middleware` decides, by the table in `policy`, from what the other modules read."""
