"""How often the reading of a curve is wrong on curves of known truth, how much it sees, and how fast it is."""
