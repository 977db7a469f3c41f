"""Settings: merged in order, refused when wrong, explained."""

import pytest

from devtools.errors import ValidationError
from devtools.settings import FIELDS, Retention, is_enabled, load, retention_of


def settings_of(**arguments):
    return load(arguments, environment={}).settings


def test_arguments_win_over_environment_file_and_default(tmp_path):
    """argument > environment > file > default, and each origin is known."""
    (tmp_path / "pyproject.toml").write_text('[tool.devtools]\nport = 1\nrole = "file"\npath = "/file"\n')
    environment = {"DEVTOOLS_PORT": "2", "DEVTOOLS_ROLE": "environment"}
    resolved = load({"port": 3}, environment=environment, directory=tmp_path)
    assert (resolved.settings.port, resolved.settings.role, resolved.settings.path) == (
        3,
        "environment",
        "/file",
    )
    assert [resolved.origins[name] for name in ("port", "role", "path", "host")] == [
        "argument", "environment", "file", "default",
    ]  # fmt: skip


def test_the_nearest_pyproject_counts(tmp_path):
    """A project in a project has its own file."""
    (tmp_path / "pyproject.toml").write_text("[tool.devtools]\nport = 1\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.other]\n")
    assert load({}, environment={}, directory=inner).settings.port == 1337


@pytest.mark.parametrize(
    ("arguments", "field", "remedy"),
    [
        ({"databse": "x"}, "databse", "'database'"),
        ({"port": 65_536}, "port", "0 to 65535"),
        ({"port": -1}, "port", "0 to 65535"),
        ({"port": "http"}, "port", "whole number"),
        ({"port": True}, "port", "whole number"),
        ({"max_entries": 0}, "max_entries", "1 or more"),
        ({"path": "devtools"}, "path", "begin with '/'"),
        ({"path": "/a/../b"}, "path", "begin with '/'"),
        ({"auth": "basic"}, "auth", "token"),
        ({"capture_http": "all"}, "capture_http", "headers"),
        ({"log_level": "loud"}, "log_level", "error, fatal, none"),
        ({"sampling": {"http": 2}}, "sampling", "between 0 and 1"),
        ({"retention": {"metric": {}}}, "retention", "run"),
        ({"limits": {"dept": 1}}, "limits", "dept"),
        ({"limits": {"depth": "x"}}, "limits", "whole number"),
        ({"limits": {"page": -1}}, "limits", "from 1 on"),
        ({"retention": {"run": {"max_rows": "100"}}}, "retention", "whole number"),
        ({"retention": {"run": {"max_rows": -5}}}, "retention", "from 0 on"),
        ({"retention": {"run": 5}}, "retention", "mapping"),
        ({"enabled": "maybe"}, "enabled", "true or false"),
        ({"role": ""}, "role", "1 to 200"),
        ({"database": 5}, "database", "URL"),
    ],
)
def test_wrong_values_name_field_value_and_remedy(arguments, field, remedy):
    """Refused before anything starts."""
    with pytest.raises(ValidationError) as caught:
        load(arguments, environment={})
    assert caught.value.field == field
    assert remedy in str(caught.value)
    assert field in str(caught.value)


def test_a_wrong_variable_is_named_as_a_variable():
    """The reader has to know where to look."""
    with pytest.raises(ValidationError, match="DEVTOOLS_PORT"):
        load({}, environment={"DEVTOOLS_PORT": "x"})


def test_unknown_variables_are_one_warning():
    """A misspelt variable is told, not refused; the test suite's own are left alone."""
    resolved = load({}, environment={"DEVTOOLS_PROT": "1", "DEVTOOLS_X": "1", "DEVTOOLS_TEST_REQUIRE": "1"})
    assert len(resolved.warnings) == 1
    assert "DEVTOOLS_PROT, DEVTOOLS_X" in resolved.warnings[0]


def test_an_unknown_key_in_the_file_is_refused(tmp_path):
    """A misspelt key would be silently without effect."""
    (tmp_path / "pyproject.toml").write_text("[tool.devtools]\nprot = 1\n")
    with pytest.raises(ValidationError, match="'port'"):
        load({}, environment={}, directory=tmp_path)


def test_a_broken_file_is_named(tmp_path):
    """Not a traceback of the TOML parser."""
    (tmp_path / "pyproject.toml").write_text("[tool.devtools\n")
    with pytest.raises(ValidationError, match="Cannot read"):
        load({}, environment={}, directory=tmp_path)


@pytest.mark.parametrize(
    "variable", ["APP_ENV", "ENV", "ENVIRONMENT", "PYTHON_ENV", "DJANGO_ENV", "FLASK_ENV", "NODE_ENV"]
)
def test_production_is_off_unless_enabled(variable):
    """Production by accident installs nothing; on purpose it does."""
    environment = {variable: "production"}
    assert is_enabled(settings_of(), environment)[0] is False
    assert is_enabled(settings_of(enabled=True), environment)[0] is True
    assert is_enabled(settings_of(), {variable: "development"})[0] is True


def test_retention_follows_max_entries_where_that_was_set():
    """max_entries holds in the database too, unless the kind has its own retention."""
    assert retention_of(load({}, environment={}), "run") == Retention()
    assert retention_of(load({"max_entries": 5}, environment={}), "run").max_rows == 5
    own = load({"max_entries": 5, "retention": {"run": {"max_rows": 7}}}, environment={})
    assert (retention_of(own, "run").max_rows, retention_of(own, "log").max_rows) == (7, 5)


def test_every_option_says_what_it_means():
    """`devtools config` and the docs show it."""
    assert all(field.metadata["meaning"] for field in FIELDS.values())
