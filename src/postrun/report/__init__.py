"""How runs and findings are shown: one file per format."""
