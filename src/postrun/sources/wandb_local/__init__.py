"""Run folders that the wandb SDK wrote, read without the SDK."""
