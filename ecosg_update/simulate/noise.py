"""Random fields and shapes that landscapes and clouds are made of; everything comes from a numpy Generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape = tuple[int, ...]

FFT_STEP = 64
"""Sides of transformed fields are multiples of it: sizes with large prime factors are ten times slower."""


def fractal(rng: np.random.Generator, shape: Shape, *, wavelength: float, slope: float = 1.7) -> NDArray[np.float32]:
    """A random field of mean 0 and deviation 1: flat beyond `wavelength` (pixels), rough below it.

    The amplitude spectrum is (1 + (f * wavelength)^2)^(-slope / 2), f in cycles a pixel; a steeper `slope` is
    smoother. The field is made larger than asked and cut, so that opposite edges do not match.
    """
    padded = tuple(FFT_STEP * -(-(size + int(wavelength)) // FFT_STEP) for size in shape)
    frequency = np.zeros(())
    for axis, size in enumerate(padded):
        f = np.fft.rfftfreq(size) if axis == len(padded) - 1 else np.fft.fftfreq(size)
        frequency = frequency + (f**2).reshape([-1 if i == axis else 1 for i in range(len(padded))])
    amplitude = ((1 + frequency * wavelength**2) ** (-slope / 2)).astype(np.float32)
    spectrum = np.fft.rfftn(rng.standard_normal(padded, np.float32)) * amplitude
    field = np.fft.irfftn(spectrum, s=padded, axes=range(len(padded)))[tuple(slice(0, size) for size in shape)]
    return np.asarray((field - field.mean()) / (field.std() or 1.0), np.float32)


def ranks(field: NDArray[np.float32], within: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The share (0..1) of the pixels `within` that lie below each pixel; thresholds then mean areas."""
    quantiles = np.quantile(field[within], np.linspace(0, 1, 257))
    return np.asarray(np.interp(field, quantiles, np.linspace(0, 1, 257)), np.float32)


def blurred(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., y, x) smoothed by [1, 2, 1] / 4 along rows and columns, edges repeated.

    A deviation of 0.7 pixels: about the point spread of a Sentinel-2 10 m band.
    """
    for axis in (-2, -1):
        pad = [(0, 0)] * values.ndim
        pad[axis] = (1, 1)
        wide = np.moveaxis(np.pad(values, pad, mode="edge"), axis, 0)
        values = np.moveaxis((wide[:-2] + 2 * wide[1:-1] + wide[2:]) / np.float32(4), 0, axis)
    return values


def block_means(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """(..., y, x) averaged over `factor` x `factor` pixels; both sizes are multiples of it."""
    *front, rows, cols = values.shape
    split = values.reshape(*front, rows // factor, factor, cols // factor, factor)
    return np.asarray(split.mean(axis=(-3, -1), dtype=np.float64), np.float32)
