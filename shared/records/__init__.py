"""Every row and every statement: the only room that knows the tables or speaks SQL."""
