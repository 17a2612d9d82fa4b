"""How early and how sure a watch is: trainings with known truth, told row by row, beside three peers."""
