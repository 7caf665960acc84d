"""The list of requirements, and the tests that say which of them they prove."""

from __future__ import annotations

from tests.plugins.requirements import OWN_LIST, PUBLISHED, defined_in


def test_a_page_defines_what_its_lines_begin_with() -> None:
    page = "- CAM-1 Campaigns as in EVT-3.\n- CAM-10 Copies.\n  - not CAM-11\nSee OPS-2.\n- CAM-1 again\n"

    assert defined_in(page) == ["CAM-1", "CAM-10"]


def test_our_own_list_is_that_of_the_published_page() -> None:
    own = OWN_LIST.read_text().split()

    assert len(own) == len(set(own)) > 80
    if PUBLISHED.exists():
        assert own == defined_in(PUBLISHED.read_text())
