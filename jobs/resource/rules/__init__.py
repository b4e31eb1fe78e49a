"""Policy of this area as data, and the form in which transforms receive it."""
