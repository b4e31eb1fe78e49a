"""An enterprise's sheet in the words of a page: what the card says, in the page's language, and its chart."""
