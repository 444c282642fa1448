"""Many runs as one piece of work: what is to be made, by whom, and what came of it."""
