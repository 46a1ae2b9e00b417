"""What functions returned, as a person reads it."""

from flowctl.views.results import result_text, rows_of


def test_rows_become_a_table() -> None:
    text = result_text([[{"name": "a", "lines": 12}, {"name": "b", "lines": 123456}]])
    assert text == "name    lines\na          12\nb     123,456\n"


def test_one_dict_a_call_is_one_row_a_call() -> None:
    assert result_text([{"n": 1}, {"n": 2, "more": None}]) == "n  more\n1     -\n2     -\n"


def test_anything_else_is_json_one_a_line() -> None:
    assert (
        result_text(["a", 1, [1, 2], {"deep": {"x": 1}}]) == '"a"\n1\n[1, 2]\n{"deep": {"x": 1}}\n'
    )


def test_nested_rows_are_no_rows() -> None:
    assert rows_of([[{"a": [1]}]]) == []
    assert rows_of([]) == []
    assert rows_of([{}]) == []
