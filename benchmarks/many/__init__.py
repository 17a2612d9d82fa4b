"""Many runs: the project-wide commands against plain loops."""
