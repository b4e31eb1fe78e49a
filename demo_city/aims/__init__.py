"""What the city was aimed at, measured on the built city (目标与实测): ``python -m demo_city.aims``."""
