"""Many runs at a glance: what they share, which is worst, and the page that shows them all."""
