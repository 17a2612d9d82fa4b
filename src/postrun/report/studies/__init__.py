"""Studies of many runs for people: terminal, Markdown, CSV and JSON, HTML."""
