"""The first schema: one table per kind of record, and what belongs to the store itself. Frozen: never changed once released."""

from peewee import SQL, AutoField, BigIntegerField, BlobField, BooleanField, CompositeKey, Model, TextField


def up(migrator, db):  # noqa: ARG001
    class Runs(Model):
        id = BigIntegerField(primary_key=True)
        time_ns = BigIntegerField()
        process_id = BigIntegerField()
        correlation_id = TextField(null=True)
        run_id = BigIntegerField()
        node_id = TextField()
        node_kind = TextField(
            constraints=[
                SQL("CHECK (\"node_kind\" IN ('TASK', 'HOOK', 'RESOURCE', 'MIDDLEWARE', 'QUERY', 'CALL'))")
            ]
        )
        name = TextField()
        duration_ns = BigIntegerField()
        status = TextField(constraints=[SQL("CHECK (\"status\" IN ('running', 'ok', 'error', 'cancelled'))")])
        ok = BooleanField(constraints=[SQL('CHECK ("ok" IN (0, 1))')])
        error = TextField(null=True)
        parent_run_id = BigIntegerField(null=True)
        root_run_id = BigIntegerField(null=True)
        parent_id = TextField(null=True)
        root_id = TextField(null=True)
        session_id = TextField(null=True)
        snapshot_version = BigIntegerField(null=True)
        input = TextField(null=True)
        output = TextField(null=True)
        attributes = TextField(null=True)
        http_method = TextField(null=True)
        http_route = TextField(null=True)
        http_path = TextField(null=True)
        http_query = TextField(null=True)
        http_status = BigIntegerField(null=True)
        http_request_bytes = BigIntegerField(null=True)
        http_response_bytes = BigIntegerField(null=True)
        http_client = TextField(null=True)
        search_text = TextField()

        class Meta:
            database = db
            table_name = "runs"
            legacy_table_names = False

    Runs.add_index(Runs.time_ns, name="runs_by_time", safe=True)
    Runs.add_index(
        Runs.correlation_id,
        Runs.id,
        where=SQL('"correlation_id" IS NOT NULL'),
        name="runs_by_correlation_id",
        safe=True,
    )
    Runs.add_index(Runs.run_id, Runs.id, name="runs_by_run_id", safe=True)
    Runs.add_index(Runs.node_id, Runs.id, name="runs_by_node_id", safe=True)
    Runs.add_index(
        Runs.parent_run_id,
        Runs.id,
        where=SQL('"parent_run_id" IS NOT NULL'),
        name="runs_by_parent_run_id",
        safe=True,
    )
    Runs.add_index(Runs.id, where=SQL('"ok" IN (0)'), name="runs_failed", safe=True)
    Runs.add_index(Runs.node_id, Runs.id, where=SQL('"ok" IN (0)'), name="runs_failed_by_node_id", safe=True)

    class Logs(Model):
        id = BigIntegerField(primary_key=True)
        time_ns = BigIntegerField()
        process_id = BigIntegerField()
        correlation_id = TextField(null=True)
        level = TextField(
            constraints=[
                SQL("CHECK (\"level\" IN ('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'log'))")
            ]
        )
        message = TextField()
        source_id = TextField(null=True)
        data = TextField(null=True)
        run_id = BigIntegerField(null=True)
        location = TextField(null=True)
        search_text = TextField()

        class Meta:
            database = db
            table_name = "logs"
            legacy_table_names = False

    Logs.add_index(Logs.time_ns, name="logs_by_time", safe=True)
    Logs.add_index(
        Logs.correlation_id,
        Logs.id,
        where=SQL('"correlation_id" IS NOT NULL'),
        name="logs_by_correlation_id",
        safe=True,
    )
    Logs.add_index(
        Logs.source_id, Logs.id, where=SQL('"source_id" IS NOT NULL'), name="logs_by_source_id", safe=True
    )
    Logs.add_index(Logs.run_id, Logs.id, where=SQL('"run_id" IS NOT NULL'), name="logs_by_run_id", safe=True)
    Logs.add_index(
        Logs.id, where=SQL("\"level\" IN ('warn', 'error', 'fatal')"), name="logs_alerts", safe=True
    )

    class Errors(Model):
        id = BigIntegerField(primary_key=True)
        time_ns = BigIntegerField()
        process_id = BigIntegerField()
        correlation_id = TextField(null=True)
        source_id = TextField()
        source_kind = TextField(
            constraints=[
                SQL("CHECK (\"source_kind\" IN ('TASK', 'HOOK', 'RESOURCE', 'MIDDLEWARE', 'INTERNAL'))")
            ]
        )
        type = TextField()
        message = TextField()
        stack = TextField(null=True)
        cause = TextField(null=True)
        data = TextField(null=True)
        fingerprint = TextField()
        run_id = BigIntegerField(null=True)
        search_text = TextField()

        class Meta:
            database = db
            table_name = "errors"
            legacy_table_names = False

    Errors.add_index(Errors.time_ns, name="errors_by_time", safe=True)
    Errors.add_index(
        Errors.correlation_id,
        Errors.id,
        where=SQL('"correlation_id" IS NOT NULL'),
        name="errors_by_correlation_id",
        safe=True,
    )
    Errors.add_index(Errors.source_id, Errors.id, name="errors_by_source_id", safe=True)
    Errors.add_index(Errors.fingerprint, Errors.id, name="errors_by_fingerprint", safe=True)
    Errors.add_index(
        Errors.run_id, Errors.id, where=SQL('"run_id" IS NOT NULL'), name="errors_by_run_id", safe=True
    )

    class Emissions(Model):
        id = BigIntegerField(primary_key=True)
        time_ns = BigIntegerField()
        process_id = BigIntegerField()
        correlation_id = TextField(null=True)
        event_id = TextField()
        emitter_id = TextField(null=True)
        payload = TextField(null=True)
        run_id = BigIntegerField(null=True)
        search_text = TextField()

        class Meta:
            database = db
            table_name = "emissions"
            legacy_table_names = False

    Emissions.add_index(Emissions.time_ns, name="emissions_by_time", safe=True)
    Emissions.add_index(
        Emissions.correlation_id,
        Emissions.id,
        where=SQL('"correlation_id" IS NOT NULL'),
        name="emissions_by_correlation_id",
        safe=True,
    )
    Emissions.add_index(Emissions.event_id, Emissions.id, name="emissions_by_event_id", safe=True)
    Emissions.add_index(
        Emissions.run_id,
        Emissions.id,
        where=SQL('"run_id" IS NOT NULL'),
        name="emissions_by_run_id",
        safe=True,
    )

    class Audits(Model):
        id = BigIntegerField(primary_key=True)
        time_ns = BigIntegerField()
        process_id = BigIntegerField()
        correlation_id = TextField(null=True)
        action = TextField()
        actor = TextField(null=True)
        target = TextField(null=True)
        details = TextField(null=True)
        client = TextField(null=True)
        search_text = TextField()

        class Meta:
            database = db
            table_name = "audits"
            legacy_table_names = False

    Audits.add_index(Audits.time_ns, name="audits_by_time", safe=True)
    Audits.add_index(
        Audits.correlation_id,
        Audits.id,
        where=SQL('"correlation_id" IS NOT NULL'),
        name="audits_by_correlation_id",
        safe=True,
    )
    Audits.add_index(Audits.action, Audits.id, name="audits_by_action", safe=True)

    class Processes(Model):
        id = BigIntegerField(primary_key=True)
        app = TextField()
        role = TextField()
        host = TextField()
        pid = BigIntegerField()
        started_ns = BigIntegerField()
        last_seen_ns = BigIntegerField()
        version = TextField(null=True)

        class Meta:
            database = db
            table_name = "processes"
            legacy_table_names = False

    class Counters(Model):
        name = TextField(primary_key=True)
        value = BigIntegerField()

        class Meta:
            database = db
            table_name = "counters"
            legacy_table_names = False

    class Commits(Model):
        id = AutoField()
        process_id = BigIntegerField()
        first_id = BigIntegerField()
        last_id = BigIntegerField()

        class Meta:
            database = db
            table_name = "commits"
            legacy_table_names = False

    class Snapshots(Model):
        app = TextField()
        role = TextField()
        version = BigIntegerField()
        created_ns = BigIntegerField()
        last_seen_ns = BigIntegerField()
        label = TextField(null=True)
        content_hash = TextField()
        app_version = TextField(null=True)
        git_revision = TextField(null=True)
        git_dirty = BooleanField(null=True)
        python_version = TextField()
        element_count = BigIntegerField()
        content = BlobField()

        class Meta:
            database = db
            table_name = "snapshots"
            legacy_table_names = False
            primary_key = CompositeKey("app", "role", "version")

    class ActiveSnapshot(Model):
        app = TextField()
        role = TextField()
        version = BigIntegerField()

        class Meta:
            database = db
            table_name = "active_snapshot"
            legacy_table_names = False
            primary_key = CompositeKey("app", "role")

    db.create_tables(
        [Runs, Logs, Errors, Emissions, Audits, Processes, Counters, Commits, Snapshots, ActiveSnapshot]
    )


def down(migrator, db):  # noqa: ARG001
    for table in (
        "runs",
        "logs",
        "errors",
        "emissions",
        "audits",
        "processes",
        "counters",
        "commits",
        "snapshots",
        "active_snapshot",
    ):
        db.execute_sql(f'DROP TABLE IF EXISTS "{table}"')
