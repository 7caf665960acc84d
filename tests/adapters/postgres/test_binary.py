"""Values that are packed by hand are to the server what psycopg's own would be."""

from __future__ import annotations

import psycopg
import pytest

from adapters.postgres.binary import Texts


@pytest.mark.parametrize("texts", [[], ["a"], ["", "ä, \"b\"", "{c}", "NULL", "new\nline"], ["x" * 70_000]])
def test_a_list_of_texts_comes_back_as_it_went_in(fresh_database: str, texts: list[str]) -> None:
    with psycopg.connect(fresh_database) as connection:
        cursor = connection.cursor()
        cursor.adapters.register_dumper(list, Texts)
        found = cursor.execute("select %b, %b = %t", (texts, texts, texts)).fetchone()

    assert found == (texts, True)
