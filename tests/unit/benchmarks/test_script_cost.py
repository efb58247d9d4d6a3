"""The table of what scripts add to a run."""

from io import StringIO

from benchmarks.script_cost import TOTAL, table
from rich.console import Console


def test_the_table_shows_what_each_script_adds_to_a_run_without_scripts() -> None:
    costs = {
        "no-op": {"broker": 100.0, TOTAL: 1400.0},
        "one function": {"broker": 150.0, "scripts (Node)": 500.0, TOTAL: 2400.0},
        "four functions": {"broker": 180.0, "scripts (Node)": 2000.0, TOTAL: 5400.0},
    }
    console = Console(width=200, file=StringIO(), record=True)
    console.print(table(costs))
    rows = [line.split() for line in console.export_text().splitlines()]
    cells = [[word for word in row if word.replace(",", "").isdigit()] for row in rows]
    assert ["100", "150", "180", "50", "20"] in cells
    assert ["0", "500", "2,000", "500", "500"] in cells
    assert ["1,400", "2,400", "5,400", "1,000", "1,000"] in cells
    assert cells.index(["1,400", "2,400", "5,400", "1,000", "1,000"]) == max(n for n, row in enumerate(cells) if row)
