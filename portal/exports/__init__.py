"""Exports 导出: what leaves the platform as a file, as contracts, as tables in the offices' layout, as file names."""
