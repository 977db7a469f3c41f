"""Counts and durations of runs by hour, element, version and process. Frozen: never changed once released."""

from peewee import BigIntegerField, BlobField, CompositeKey, Model, TextField


def up(migrator, db):  # noqa: ARG001
    class RunRollups(Model):
        hour = BigIntegerField()
        node_id = TextField()
        snapshot_version = BigIntegerField()
        process_id = BigIntegerField()
        node_kind = TextField()
        runs = BigIntegerField()
        errors = BigIntegerField()
        duration_ns = BigIntegerField()
        histogram = BlobField()

        class Meta:
            database = db
            table_name = "run_rollups"
            legacy_table_names = False
            primary_key = CompositeKey("hour", "node_id", "snapshot_version", "process_id")

    RunRollups.add_index(
        RunRollups.snapshot_version,
        RunRollups.process_id,
        name="run_rollups_by_snapshot_version",
        safe=True,
    )
    db.create_tables([RunRollups])


def down(migrator, db):  # noqa: ARG001
    db.execute_sql('DROP TABLE IF EXISTS "run_rollups"')
