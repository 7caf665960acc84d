"""``ballyhoo track``: files of facts, a thousand at a time; what is refused is told by its line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.ask import Api
from infra.track import Tally, TrackingFailed, facts_of, track

pytestmark = pytest.mark.req("OPS-2")


class Recorder(Api):
    """Stands for the API: keeps the batches, and refuses what has no kind."""

    def __init__(self, status: int = 200) -> None:
        super().__init__("http://127.0.0.1:1")
        self.batches: list[list[Any]] = []
        self.status = status

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        facts = body["facts"]
        self.batches.append(facts)
        refused = [
            {"index": index, "errors": [{"pointer": f"/facts/{index}/kind", "detail": "A kind is required."}]}
            for index, fact in enumerate(facts)
            if "kind" not in fact
        ]
        accepted = len(facts) - len(refused)
        if self.status != 200:
            return self.status, {"title": "Unauthenticated", "detail": "Send a valid API key."}
        return 200, {"accepted": accepted, "duplicates": 0, "rejected": refused}


def test_columns_are_named_as_the_fields(tmp_path: Path) -> None:
    file = tmp_path / "facts.csv"
    file.write_text(
        "id,kind,quantity,value.amount,value.currency,properties.user_agent,segment\n"
        'c1,conversion,2,1999,USD,"Mozilla, 5.0",\n'
        "s1,spend,1,19.5,USD,,007\n"
    )

    assert list(facts_of(file)) == [
        (2, {"id": "c1", "kind": "conversion", "quantity": 2, "value": {"amount": 1999, "currency": "USD"},
             "properties": {"user_agent": "Mozilla, 5.0"}}),
        (3, {"id": "s1", "kind": "spend", "quantity": 1, "value": {"amount": "19.5", "currency": "USD"},
             "segment": "007"}),
    ]  # fmt: skip


def test_a_line_of_jsonl_is_a_fact_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    file.write_text('{"kind": "open"}\n\n{"kind": "click", "properties": {"n": 1}}\n')

    assert list(facts_of(file)) == [(1, {"kind": "open"}), (3, {"kind": "click", "properties": {"n": 1}})]


def test_facts_go_out_a_thousand_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    file.write_text("".join(json.dumps({"kind": "open", "id": str(n)}) + "\n" for n in range(2500)))
    told: list[int] = []

    api = Recorder()
    tally = track(file, api, lambda tally: told.append(tally.sent))

    assert [len(batch) for batch in api.batches] == [1000, 1000, 500]
    assert told == [1000, 2000, 2500]
    assert tally == Tally(accepted=2500)


def test_a_batch_of_large_facts_is_no_larger_than_a_body_may_be(tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    fact = {"kind": "open", "properties": {"note": "é" * 2000}}
    file.write_text(f"{json.dumps(fact, ensure_ascii=False)}\n" * 1500)

    api = Recorder()
    tally = track(file, api, lambda tally: None)

    assert tally == Tally(accepted=1500)
    assert max(len(json.dumps({"facts": batch})) for batch in api.batches) < 8 << 20
    assert len(api.batches) == 3


def test_a_refused_fact_is_told_by_its_line_and_the_others_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "facts.csv"
    file.write_text("kind,id\nopen,a\n,b\nopen,c\n")

    tally = track(file, Recorder(), lambda tally: None)

    assert (tally.accepted, tally.rejected) == (2, 1)
    assert tally.faults == ["line 3: /facts/1/kind: A kind is required."]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("facts.xml", "<facts/>", "is neither .csv nor .jsonl"),
        ("facts.csv", "id,name\n1,2\n", "has no column named kind in its first line"),
        ("facts.csv", "kind,id\nopen\n", "line 2 has not as many columns as the first line"),
        ("facts.csv", "kind,id\nopen,1,2\n", "line 2 has not as many columns as the first line"),
        ("facts.csv", b"kind\n\xff\n", "is no file of facts in UTF-8"),
        ("facts.jsonl", '{"kind": "open"}\n{"kind"\n', "line 2 is not JSON"),
        ("absent.csv", None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: str | bytes | None, sentence: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(TrackingFailed, match=sentence):
        list(facts_of(file))


def test_a_refusal_of_the_whole_is_told(tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    file.write_text('{"kind": "open"}\n')

    with pytest.raises(TrackingFailed, match="answered 401 after 0 facts: Send a valid API key"):
        track(file, Recorder(status=401), lambda tally: None)
