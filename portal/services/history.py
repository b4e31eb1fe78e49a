"""Copy finished in-process runs into the history of Airflow's servers, without asset events.

In-process runs and the servers have a database each (``portal/services/orchestration.py`` says why). SQL copies the
finished runs in one transaction. A scheduler may be running meanwhile, because it ignores finished runs.
"""

from __future__ import annotations

import contextlib
import sqlite3

from portal.services.orchestration import database_file, is_migrated
from warehouse.settings import Settings

#: Seconds to wait for a database that the scheduler has locked; after that the next call copies the runs.
LOCK_SECONDS = 30

#: Finished runs whose tasks have all finished, of DAGs that the servers have read, and not in their database yet.
_TAKEN = """
    CREATE TEMP TABLE taken AS SELECT r.dag_id, r.run_id FROM ran.dag_run r
    WHERE r.state IN ('success', 'failed') AND r.dag_id IN (SELECT dag_id FROM main.dag)
        AND NOT EXISTS (SELECT 1 FROM main.dag_run m WHERE m.dag_id = r.dag_id
            AND (m.run_id = r.run_id OR m.logical_date = r.logical_date))
        AND NOT EXISTS (SELECT 1 FROM ran.task_instance t WHERE t.dag_id = r.dag_id AND t.run_id = r.run_id
            AND coalesce(t.state, '') NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))"""

#: Each database numbers a DAG's versions itself; versions with the same content are the same version.
_VERSIONS = """
    CREATE TEMP TABLE same_version AS SELECT r.dag_version_id AS there, max(m.dag_version_id) AS here
    FROM ran.serialized_dag r JOIN main.serialized_dag m ON m.dag_id = r.dag_id AND m.dag_hash = r.dag_hash
    GROUP BY r.dag_version_id"""

_VERSION = "(SELECT here FROM temp.same_version WHERE there = r.{})"
_TEMPLATE = """(SELECT max(m.id) FROM ran.log_template t JOIN main.log_template m ON m.filename = t.filename
    WHERE t.id = r.log_template_id)"""
_RUN = "(SELECT id FROM main.dag_run m WHERE m.dag_id = r.dag_id AND m.run_id = r.run_id)"

#: Table → columns whose values are valid in their own database only, with the SQL that replaces them (None: omitted).
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
    """Copy finished runs that the servers' history lacks.

    Returns:
        The number of copied runs: 0 if one of the databases does not exist yet, or is locked or damaged.
    """
    ran, served = (database_file(config, is_served=one) for one in (False, True))
    if not (is_migrated(ran) and is_migrated(served)):
        return 0
    with contextlib.closing(sqlite3.connect(served, timeout=LOCK_SECONDS, isolation_level=None)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        try:
            db.execute("ATTACH ? AS ran", (str(ran),))
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError:
            # locked by the scheduler, or damaged, which starting Airflow reports
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
