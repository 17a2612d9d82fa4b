"""Reinforcement learning: policy, value function, reward, and the sampler beside the trainer."""
