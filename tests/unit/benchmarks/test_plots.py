"""Plots and flame graphs are valid SVG with the measured values."""

from xml.etree import ElementTree

from benchmarks.flame_graphs import flame_graph
from benchmarks.plots import bars, lines

SVG = "{http://www.w3.org/2000/svg}"


def test_a_flame_graph_shows_each_frame_with_its_share() -> None:
    graph = ElementTree.fromstring(flame_graph("a <run>", "main;serve;work 30\nmain;serve 10\nmain;wait 60\n"))
    tips = {tip.text for tip in graph.iter(f"{SVG}title")}
    assert tips == {"main 100.0%", "serve 40.0%", "work 30.0%", "wait 60.0%"}


def test_narrow_frames_are_omitted() -> None:
    graph = ElementTree.fromstring(flame_graph("run", "main;often 9999\nmain;rare 1\n"))
    assert {tip.text for tip in graph.iter(f"{SVG}title")} == {"main 100.0%", "often 100.0%"}


def test_no_samples_give_an_empty_graph() -> None:
    assert ElementTree.fromstring(flame_graph("run", "")).tag == f"{SVG}svg"


def test_a_line_plot_has_a_line_for_each_series() -> None:
    plot = ElementTree.fromstring(lines("cost", "blocks", {"a": [(10, 1.0), (1000, 2.0)], "b": [(10, 3.0)]}))
    assert len(list(plot.iter(f"{SVG}polyline"))) == 2


def test_bars_show_their_values() -> None:
    plot = ElementTree.fromstring(bars("runs", {"1 callers": {"ours": 1234.0, "bare": 1500.0}}))
    assert {"1,234", "1,500", "1 callers"} <= {text.text for text in plot.iter(f"{SVG}text")}
