"""年度工作流程 The yearly procedure of the per-mu evaluation: decisions, their journal, and their way into the tables.

Command line, API, pages and Airflow are doors to :mod:`portal.procedure.decisions`, which alone decides who may decide
what and when. What it decides is kept in the journal and delivered through the landing folder like any sender's file.
"""
