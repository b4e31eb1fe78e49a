"""What each column of a derived table is made from, read off the plans of the jobs.

A job's transform is called once with tables that have columns but no rows. Instead of an engine a recorder answers; it
walks the plan that the transform built. So no engine and no data are needed, and a column's sources cannot be forgotten
by hand. ``python -m pipeline.lineage`` writes the result to ``schemas/lineage.csv``.
"""
