"""Plots are valid SVG with the measured values."""

from xml.etree import ElementTree

from benchmarks.plots import lines

SVG = "{http://www.w3.org/2000/svg}"


def test_a_line_plot_has_a_line_for_each_series() -> None:
    plot = ElementTree.fromstring(lines("cost", "blocks", {"a": [(10, 1.0), (1000, 2.0)], "b": [(10, 3.0)]}))
    assert len(list(plot.iter(f"{SVG}polyline"))) == 2
