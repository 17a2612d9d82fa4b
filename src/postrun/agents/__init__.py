"""What agents ask: the tools of `postrun mcp`, and the skill that tells them when to ask."""
