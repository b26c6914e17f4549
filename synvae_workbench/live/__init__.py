"""Live pages of notebooks: thin shells over pure functions, shown where there is a front end."""
