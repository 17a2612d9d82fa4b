"""How often forecasts of real trainings hold."""
