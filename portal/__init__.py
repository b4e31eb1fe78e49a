"""How people and programs reach the platform."""
