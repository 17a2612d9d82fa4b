"""Folders exported earlier, bare histories, and what people export from the W&B page."""
