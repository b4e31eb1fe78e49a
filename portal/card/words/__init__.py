"""The sheet in words: titles, sentences and tables, the same for the terminal and for the page."""
