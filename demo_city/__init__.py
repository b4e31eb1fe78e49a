"""The demo city (示范城市): generates the files that source systems send to the platform."""
