"""Layout: panels have the size that was asked for, stand apart, and all that is written fits on the paper."""

from itertools import combinations, pairwise

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D

from benchmark.drawing.layout import Block, Row, Sides, in_rows, lay_out, slanted, width_of, wrapped

LONG = "a head that has more to say than fits on one line of a sheet of paper which is only as wide as its panels are"
BLOCKS = [
    Block([Row(3, 2.0, 1.0), Row(1, 4.0, 0.5)], "a title"),
    Block([Row(2, 1.0, 2.0, above=0.5)], LONG),
    Block([Row(1, 1.0, 1.0)]),
]


@pytest.mark.parametrize("legend", [0, 1, 30])
@pytest.mark.parametrize("beside", [False, True])
def test_panels_have_their_size_and_nothing_overlaps_or_is_cut_off(legend, beside):
    entries = [Line2D([], [], label=f"entry number {i}") for i in range(legend)]
    figure, places = lay_out(BLOCKS, LONG, Sides(0.7, 0.5, 0.3), entries, beside)
    FigureCanvasAgg(figure).draw()
    for block, rows in zip(BLOCKS, places, strict=True):
        for row, axes in zip(block.rows, rows, strict=True):
            sizes = [(ax.bbox.width / figure.dpi, ax.bbox.height / figure.dpi) for ax in axes]
            assert sizes == [pytest.approx((row.width, row.height))] * row.panels
    written = [*figure.texts, *figure.legends]
    boxes = [*(ax.bbox for ax in figure.axes), *(one.get_window_extent() for one in written)]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    for box in boxes:
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1


def test_lines_are_as_long_as_they_may_and_lose_no_word():
    for inches in (0.1, 1.0, 3.0, 50.0):
        lines = wrapped(LONG, inches, 10).split("\n")
        assert " ".join(lines) == LONG
        assert all(width_of([line], 10) <= inches or " " not in line for line in lines)
        for line, after in pairwise(lines):
            assert width_of([f"{line} {after.split(' ')[0]}"], 10) > inches
    assert wrapped("two\nlines", 9.0, 10) == "two\nlines"


def test_widths_are_those_of_the_font():
    assert width_of(["x", "xx\nxxxx"], 10) == pytest.approx(4 * width_of(["x"], 10), rel=0.02)
    assert width_of(["word"], 20) == pytest.approx(2 * width_of(["word"], 10))
    assert width_of(["word"], 10, "bold") > width_of(["word"], 10)
    assert width_of([], 10) == 0.0
    assert 0 < slanted(["a long name of a column"], 7) < width_of(["a long name of a column"], 7)


def test_rows_are_full_but_the_last():
    assert [in_rows(count, 4) for count in (1, 4, 5, 8)] == [[1], [4], [4, 1], [4, 4]]
