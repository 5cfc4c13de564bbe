"""Small files of the exact formats that data sets are published in, and modules that take them for the real ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
from dataclasses import replace

import numpy as np
from scipy.io import savemat

from benchmark.datasets import cars3d, mnist, mpi3d, norb, shapes3d
from benchmark.datasets.grids import Axes
from benchmark.datasets.sprites import Grid

NAMES = ("shapes3d", "mpi3d", "cars3d", "smallnorb")
MODULES = {"shapes3d": shapes3d, "mpi3d": mpi3d, "cars3d": cars3d, "smallnorb": norb}
GRIDS = {
    "shapes3d": (3, 2, 2, 4, 2, 5),
    "mpi3d": (2, 3, 2, 1, 2, 4, 5),
    "cars3d": (2, 5, 3),
    "smallnorb": (2, 3, 2, 5, 4),
}
OPTIONS = {"validation": 2, "probe_train": 10, "test": 10}


def random_images(count, *shape):
    return np.random.default_rng(count).integers(0, 256, (count, *shape), dtype=np.uint8)


def write_shapes3d(folder, grid, reverse=False):
    import h5py

    images = random_images(np.prod(grid), 64, 64, 3)
    labels = np.indices(grid).reshape(len(grid), -1).T * [0.1, 0.1, 0.1, 0.07, 1.0, 4.3] + [0, 0, 0, 0.75, 0, -30]
    with h5py.File(folder / shapes3d.FILE.name, "w") as file:
        file.create_dataset("images", data=images, compression="gzip")
        file.create_dataset("labels", data=labels[::-1] if reverse else labels)
    return images.transpose(0, 3, 1, 2)


def write_mpi3d(folder, grid):
    images = random_images(np.prod(grid), 64, 64, 3)
    for variant in mpi3d.MD5:
        np.savez(folder / f"mpi3d_{variant}.npz", images=images)
    return images.transpose(0, 3, 1, 2)


def write_cars3d(folder, grid):
    """Each 2x2 block of the large images has one value, so that the mean of it is known."""
    small = random_images(np.prod(grid), 3, 64, 64).reshape(*grid, 3, 64, 64)
    path = folder / cars3d.NAME
    with gzip.GzipFile(path, "wb", 1, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for car in (2, 0, 1):  # not in the order of their names
            large = small[:, :, car].repeat(2, axis=-1).repeat(2, axis=-2)
            file = io.BytesIO()
            savemat(file, {"im": large.transpose(3, 4, 2, 1, 0)})
            mesh = b"MATLAB 5.0 MAT-file".ljust(116) + file.getvalue()[116:]  # without the date
            names = (f"data/cars/car_{car:03}_mesh.mat", f"data/other/{car}.mat", f"data/cars/._{car}.mat")
            for name, content in zip(names, (mesh, b"other", b"junk"), strict=True):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return small.reshape(-1, 3, 64, 64)


def matrix_bytes(array):
    magic = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[array.dtype.name]
    dimensions = (*array.shape, 1, 1)[: max(3, array.ndim)]
    return struct.pack(f"<{2 + len(dimensions)}i", magic, array.ndim, *dimensions) + array.tobytes()


def write_smallnorb(folder, grid):
    """The first part has the instances 1 and 2, the second 0, in no order; each 3x3 block has one value."""
    order = np.random.default_rng(0).permutation(int(np.prod(grid)))
    classes = np.indices(grid).reshape(len(grid), -1).T[order].astype(np.int32)
    small = random_images(len(order), 1, 32, 32)
    for part, mine in zip(norb.PARTS, (classes[:, 1] > 0, classes[:, 1] == 0), strict=True):
        left = small[order[mine]].repeat(3, axis=2).repeat(3, axis=3)
        about = np.ascontiguousarray(classes[mine][:, 1:] * np.array([1, 1, 2, 1], np.int32))
        arrays = {
            "dat": np.concatenate([left, 255 - left], axis=1),
            "cat": np.ascontiguousarray(classes[mine][:, 0]),
            "info": about,
        }
        for kind, array in arrays.items():
            (folder / f"{part}-{kind}.mat.gz").write_bytes(gzip.compress(matrix_bytes(array), 1, mtime=0))
    return small.repeat(2, axis=2).repeat(2, axis=3)


WRITERS = {"shapes3d": write_shapes3d, "mpi3d": write_mpi3d, "cars3d": write_cars3d, "smallnorb": write_smallnorb}


def digest(path, algorithm="md5"):
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


def accept(name, folder, address, put=setattr):
    """Small grids, and the files in the folder as the published ones; `put` sets the attributes of modules."""
    module = MODULES[name]
    axes = Axes(axis._replace(size=size) for axis, size in zip(module.AXES, GRIDS[name], strict=True))
    put(module, "AXES", axes)
    if name == "mpi3d":
        put(module, "MIRRORS", (f"{address}missing/", address))
        there = {key: path for key in module.MD5 if (path := folder / f"mpi3d_{key}.npz").exists()}
        put(module, "MD5", module.MD5 | {key: digest(path) for key, path in there.items()})
    elif name == "smallnorb":
        put(module, "MIRROR", address)
        kinds = ("dat", "cat", "info")
        known = {part: {kind: digest(folder / f"{part}-{kind}.mat.gz") for kind in kinds} for part in module.PARTS}
        put(module, "MD5", known)
    else:
        file = module.FILE
        checksum = file.checksum._replace(value=digest(folder / file.name, file.checksum.algorithm))
        put(module, "FILE", replace(file, urls=(f"{address}{file.name}",), checksum=checksum))


SMALL = Grid(canvas=32, scales=2, orientations=4, closed=True, positions=5)


def write_npz(path, grid, **changes):
    """A file like the official one, with a pickled entry that nobody may open."""
    blocks = np.concatenate(list(grid.blocks()))
    latents = np.indices((1, *grid.sizes)).reshape(6, -1).T
    arrays = {
        "imgs": np.unpackbits(blocks, axis=1).reshape(-1, grid.canvas, grid.canvas),
        "latents_classes": latents,
        **changes,
    }
    np.savez_compressed(path, metadata=np.array({"title": "x"}, dtype=object), **arrays)
    return blocks


def idx_bytes(array):
    magic = {1: 0x801, 3: 0x803}[array.ndim]
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()


def mnist_files():
    """The four files of a small MNIST by name: 200 and 50 images."""
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 256, (200, 28, 28), dtype=np.uint8),
        np.arange(200, dtype=np.uint8) % 10,
        rng.integers(0, 256, (50, 28, 28), dtype=np.uint8),
        np.arange(50, dtype=np.uint8) % 10,
    ]
    return dict(zip(mnist.NAMES, map(idx_bytes, arrays), strict=True))


def sha256_of(files):
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
