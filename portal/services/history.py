"""Runs of one process in the history of Airflow's servers: finished, and without any asset event.

The two have a database each (``portal/services/orchestration.py`` says why). What has finished is copied from the one
to the other by SQL, in one transaction, also while a scheduler is at work there: it looks at no run that has ended.
"""

from __future__ import annotations

import contextlib
import sqlite3

from portal.services.orchestration import database_file, is_migrated
from warehouse.settings import Settings

#: Seconds for which a scheduler may hold its database; what cannot be copied now is copied the next time.
LOCK_SECONDS = 30

#: Finished runs, with all their tasks, of DAGs that the servers have read, and which their database does not have yet.
_TAKEN = """
    CREATE TEMP TABLE taken AS SELECT r.dag_id, r.run_id FROM ran.dag_run r
    WHERE r.state IN ('success', 'failed') AND r.dag_id IN (SELECT dag_id FROM main.dag)
        AND NOT EXISTS (SELECT 1 FROM main.dag_run m WHERE m.dag_id = r.dag_id
            AND (m.run_id = r.run_id OR m.logical_date = r.logical_date))
        AND NOT EXISTS (SELECT 1 FROM ran.task_instance t WHERE t.dag_id = r.dag_id AND t.run_id = r.run_id
            AND coalesce(t.state, '') NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))"""

#: Both sides number a DAG's versions by themselves; the same version is the one with the same content.
_VERSIONS = """
    CREATE TEMP TABLE same_version AS SELECT r.dag_version_id AS there, max(m.dag_version_id) AS here
    FROM ran.serialized_dag r JOIN main.serialized_dag m ON m.dag_id = r.dag_id AND m.dag_hash = r.dag_hash
    GROUP BY r.dag_version_id"""

_VERSION = "(SELECT here FROM temp.same_version WHERE there = r.{})"
_TEMPLATE = """(SELECT max(m.id) FROM ran.log_template t JOIN main.log_template m ON m.filename = t.filename
    WHERE t.id = r.log_template_id)"""
_RUN = "(SELECT id FROM main.dag_run m WHERE m.dag_id = r.dag_id AND m.run_id = r.run_id)"

#: Table → columns that mean something else in the other database, and what stands there instead (None: left out).
_COPIED: dict[str, dict[str, str | None]] = {
    "dag_run": {
        "id": None,
        "created_dag_version_id": _VERSION.format("created_dag_version_id"),
        "log_template_id": _TEMPLATE,
        "backfill_id": "NULL",
        "creating_job_id": "NULL",
        "scheduled_by_job_id": "NULL",
    },
    "task_instance": {
        "dag_version_id": _VERSION.format("dag_version_id"),
        "trigger_id": "NULL",
        "queued_by_job_id": "NULL",
    },
    "xcom": {"dag_run_id": _RUN},
    "rendered_task_instance_fields": {},
}


def copy_finished_runs(config: Settings) -> int:
    """Copy what the servers' history lacks; the number of runs. Nothing where one of the databases is not there yet."""
    ran, served = (database_file(config, is_served=one) for one in (False, True))
    if not (is_migrated(ran) and is_migrated(served)):
        return 0
    with contextlib.closing(sqlite3.connect(served, timeout=LOCK_SECONDS, isolation_level=None)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        try:
            db.execute("ATTACH ? AS ran", (str(ran),))
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError:
            # the scheduler holds it; or it is damaged, as whoever starts Airflow is told
            return 0
        try:
            db.execute(_TAKEN)
            db.execute(_VERSIONS)
            for table, instead in _COPIED.items():
                _copy(db, table, instead)
            (number,) = db.execute("SELECT count(*) FROM temp.taken").fetchone()
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
    return int(number)


def _copy(db: sqlite3.Connection, table: str, instead: dict[str, str | None]) -> None:
    values = {
        name: instead.get(name, f'r."{name}"')
        for _, name, *_ in db.execute(f"PRAGMA main.table_info({table})")
    }
    kept = {name: value for name, value in values.items() if value is not None}
    names = ", ".join(f'"{name}"' for name in kept)
    db.execute(
        f"INSERT INTO main.{table} ({names}) SELECT {', '.join(kept.values())} FROM ran.{table} r "
        "JOIN temp.taken USING (dag_id, run_id)"
    )
