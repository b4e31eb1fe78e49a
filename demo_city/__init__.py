"""The demo city (示范城市): plays the systems that send their files to the platform."""
