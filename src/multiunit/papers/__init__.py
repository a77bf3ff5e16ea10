"""One card a paper: what it claims, an experiment of a minute, a control, and an honest verdict."""
