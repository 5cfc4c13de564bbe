"""Rendered sprites against real dSprites frames where they are at hand, and against geometry everywhere."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets import Paths
from benchmark.datasets.render import FOLDS, REFERENCE, SHAPES, centres, outline, poses, render
from benchmark.datasets.splits import first_identical
from benchmark.datasets.sprites import DSPRITES, SPRITES, sprites
from tests.support.choices import ROOT

FRAMES = "dsprites_gif_frames.npz"
ANGLES = np.linspace(0, 2 * np.pi, 40)
SCALES = np.linspace(0.5, 1, 6)


def unpacked(bits, canvas=REFERENCE):
    return np.unpackbits(bits, axis=1).reshape(-1, canvas, canvas)


def drawn(shape, scale, angle, x=32.0, y=32.0, canvas=REFERENCE):
    """One image (canvas, canvas)."""
    bits = render(poses(shape, scale, np.array([angle]), canvas), np.array([x]), np.array([y]), canvas)
    return unpacked(bits, canvas)[0]


def area(polygon):
    """Of a polygon (V, 2), by the shoelace formula."""
    x, y = polygon.T
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


def real_frames():
    places = [ROOT.parent / "shared/data/dsprites"]
    if "BETTERBOUND_TEST_DATA" in os.environ:
        places.append(Path(os.environ["BETTERBOUND_TEST_DATA"]))
    for place in places:
        for path in (place / FRAMES, place / "dsprites" / FRAMES):
            if path.is_file():
                with np.load(path, allow_pickle=False) as data:
                    return data["imgs"], data["latents_classes"]
    pytest.skip(f"{FRAMES} is not here (BETTERBOUND_TEST_DATA names its folder)")


def test_real_frames_are_reproduced_to_the_pixel():
    images, latents = real_frames()
    assert len(images) == 320
    middles = centres(32)
    for image, (_, shape, scale, angle, x, y) in zip(images, latents, strict=True):
        mine = drawn(SHAPES[shape], SCALES[scale], ANGLES[angle], middles[x], middles[y])
        assert np.array_equal(mine, image)


def test_lit_pixels_of_the_whole_set():
    lit = [int(np.bitwise_count(block).sum()) for block in DSPRITES.blocks()]
    assert np.sum(np.reshape(lit, (3, 6)), axis=1).tolist() == [53_612_886, 42_070_950, 32_645_028]


def test_upright_squares_have_whole_sides():
    for side, scale in zip((10, 12, 14, 16, 18, 20), SCALES, strict=True):
        lit = drawn("square", scale, 0.0)
        assert abs(lit.any(axis=0).sum() - side) <= 1
        assert lit.sum() == lit.any(axis=0).sum() * lit.any(axis=1).sum()


def test_a_square_turned_by_a_quarter_is_the_same_square():
    for angle in np.linspace(0.1, 1.4, 20):  # off the axes, where no tie decides
        first = drawn("square", 0.8, angle, 30.3, 33.7)
        for quarter in (1, 2, 3):
            assert np.array_equal(first, drawn("square", 0.8, angle + quarter * np.pi / 2, 30.3, 33.7))


def test_an_ellipse_turned_by_a_half_is_the_same_ellipse_and_a_heart_is_not():
    assert np.array_equal(drawn("ellipse", 0.9, 0.7), drawn("ellipse", 0.9, 0.7 + np.pi))
    assert not np.array_equal(drawn("heart", 0.9, 0.7), drawn("heart", 0.9, 0.7 + np.pi))


def test_every_shape_has_its_fold_and_no_higher_one():
    for shape, fold in zip(SHAPES, FOLDS, strict=True):
        first, turn = drawn(shape, 0.9, 0.7), 2 * np.pi / fold
        assert np.array_equal(first, drawn(shape, 0.9, 0.7 + turn))
        assert not np.array_equal(first, drawn(shape, 0.9, 0.7 + turn / 2))
    folds, factors = SPRITES.symmetry(), SPRITES.factors()
    assert folds.shape == factors.shape
    assert np.array_equal(folds[:, 2], np.array(FOLDS)[factors[:, 0].astype(int)])
    assert (np.delete(folds, 2, axis=1) == 1).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("canvas", [32, 64])
def test_mean_number_of_lit_pixels_is_the_area(shape, canvas):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.45, 0.55, (2, 40)) * canvas
    for scale in (0.5, 1.0):
        polygons = poses(shape, scale, np.array([0.3, 1.1, 4.0]), canvas)
        lit = np.bitwise_count(render(polygons, x, y, canvas)).sum(axis=1)
        assert lit.mean() == pytest.approx(area(polygons[0]), rel=0.01)
        assert area(polygons[0]) == pytest.approx(area(outline(shape)) * (scale * canvas / REFERENCE) ** 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_pixels_are_those_whose_centre_is_inside(shape):
    from matplotlib.path import Path as Polygon

    middle = np.arange(REFERENCE) + 0.5
    points = np.stack(np.meshgrid(middle, middle), axis=2).reshape(-1, 2)
    for angle in (0.4, 2.1, 5.0):
        polygon = poses(shape, 0.83, np.array([angle]))[0] + np.array([29.37, 35.11])
        inside = Polygon(polygon).contains_points(points).reshape(REFERENCE, REFERENCE)
        # the snap to 1/256 pixel may move a centre over an edge, rarely
        assert (drawn(shape, 0.83, angle, 29.37, 35.11) != inside).sum() <= 1


def test_moving_by_whole_pixels_moves_the_image():
    for shape in SHAPES:
        moved = drawn(shape, 0.7, 0.6, 32.25 + 5, 31.6 - 3)
        assert np.array_equal(np.roll(drawn(shape, 0.7, 0.6, 32.25, 31.6), (-3, 5), axis=(0, 1)), moved)


def test_sprites_beyond_the_border_are_cut_off():
    whole = drawn("heart", 1.0, 0.5, 32.0, 32.0)
    cut = drawn("heart", 1.0, 0.5, 0.0, 60.0)
    assert np.array_equal(cut[28:, :32], whole[:36, 32:])
    assert cut.sum() == whole[:36, 32:].sum()


def test_the_heart_stands_upright_and_turns_counter_clockwise():
    upright = drawn("heart", 1.0, 0.0)
    width = upright.sum(axis=1)[upright.any(axis=1)]
    assert width[-1] < width[len(width) // 2]  # the tip is below
    tip_to_the_right = drawn("heart", 1.0, np.pi / 2)
    height = tip_to_the_right.sum(axis=0)[tip_to_the_right.any(axis=0)]
    assert height[-1] < height[len(height) // 2]


def test_first_and_last_orientation_of_dsprites_are_one():
    block = next(DSPRITES.blocks()).reshape(40, 32, 32, -1)
    assert np.array_equal(block[0], block[39])
    assert not np.array_equal(block[0], block[1])


def test_order_is_row_major_with_pos_y_fastest():
    for grid in (DSPRITES, SPRITES):
        _, scales, turns, n, _ = grid.sizes
        where = np.array([2, 3, 7, 11, 13])
        index = (((where[0] * scales + where[1]) * turns + where[2]) * n + where[3]) * n + where[4]
        assert np.array_equal(grid.factors()[index], where)
    last = DSPRITES.factors()[-1]
    assert last.tolist() == [2, 5, 0, 31, 31]  # a full turn is no turn


def test_images_are_where_their_factors_say(tmp_path):
    data = sprites(Paths(None, tmp_path))
    rows = np.random.default_rng(0).choice(len(data.images), 200, replace=False)
    images, middles = data.decoded(rows)[:, 0], centres(14, 32)
    for image, (shape, scale, turn, x, y) in zip(images, data.factors[rows].astype(int), strict=True):
        angle = 2 * np.pi * turn / 15
        expected = drawn(SHAPES[shape], (0.5 + scale / 6), angle, middles[x], middles[y], 32)
        assert np.array_equal(image, expected)
    assert data.source == "regenerated"


def test_number_of_distinct_sprites(tmp_path):
    assert len(np.unique(first_identical(sprites(Paths(None, tmp_path)).images))) == 34_655
