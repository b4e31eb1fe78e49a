"""资源要素 Resources: what follows from a grade, firms and land of low efficiency, promises of land contracts."""
