"""Real pictures that experiments measure, and pictures as rows of tables."""

import numpy as np
from matplotlib.cbook import get_sample_data
from matplotlib.image import imread


def photograph(size: int) -> np.ndarray:
    """Grace Hopper in grey values from 0 to 1, cropped to her portrait; the file ships with matplotlib."""
    with get_sample_data("grace_hopper.jpg") as file:
        grey = (
            imread(file, format="jpg")[..., :3].astype(np.float32) @ np.asarray([0.299, 0.587, 0.114], np.float32) / 255
        )
    side = 512
    grey = grey[20 : 20 + side, :side]
    block = side // size
    return grey.reshape(size, block, size, block).mean(axis=(1, 3))


def image_row(pixels: np.ndarray, **which) -> dict:
    """A picture as a row of a table, below columns that say which it is; `figures.rows.picture` turns it back."""
    height, width = pixels.shape
    return {**which, "height": height, "width": width, "pixels": pixels.astype(np.float32).reshape(-1).tolist()}
