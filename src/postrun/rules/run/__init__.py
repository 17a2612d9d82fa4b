"""The run itself: how it ended, was resumed, fell silent."""
