"""The sheet's titles, sentences and tables, shared by the terminal and the page."""
