"""Cursors: opaque, per kind, and refused when not ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.errors import ValidationError
from devtools.records import Level, Log, Run
from devtools.telemetry.pages import decode_cursor, encode_cursor


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_cursor_is_the_record_it_came_from(identifier):
    """Round trip over all ids."""
    record = Log(id=identifier, time_ns=0, level=Level.info, message="")
    assert decode_cursor(Log, encode_cursor(record)) == identifier


def test_a_cursor_of_another_kind_is_refused():
    """A cursor of logs says nothing about runs."""
    cursor = encode_cursor(Log(id=5, time_ns=0, level=Level.info, message=""))
    with pytest.raises(ValidationError) as caught:
        decode_cursor(Run, cursor)
    assert caught.value.field == "after"


@given(st.text(max_size=60))
def test_any_other_text_is_refused_or_a_number(text):
    """Nothing a client sends crashes the decoder."""
    try:
        assert decode_cursor(Log, text) >= 0
    except ValidationError as error:
        assert error.code == "VALIDATION_ERROR"
