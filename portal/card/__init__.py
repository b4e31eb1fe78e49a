"""An enterprise's sheet."""
