"""A made-up stretch of coast around 12 degrees east, 45.5 north, as a satellite would see it.

Everything is a function of geographic position (and date) alone, so that tiles of two UTM zones show
the same ground: a plain with fields, woods in the north-west, rivers that run to a sea in the
south-east, towns, and clouds that differ from date to date.

Positions are (u, v): kilometres east and north of the origin in a local plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LON0, LAT0 = 12.0, 45.5
KM_PER_DEGREE = 111.32

Floats = npt.NDArray[np.float32]

# Scene classes of Sentinel-2's SCL band.
NODATA, SHADOW, VEGETATION, SOIL, WATER, CLOUD_MEDIUM, CLOUD_HIGH = 0, 3, 4, 5, 6, 8, 9


def to_plane(lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]) -> tuple[Floats, Floats]:
    u = (lon - LON0) * (KM_PER_DEGREE * np.cos(np.radians(LAT0)))
    v = (lat - LAT0) * KM_PER_DEGREE
    return u.astype(np.float32), v.astype(np.float32)


def _hash(i: npt.NDArray[np.int64], j: npt.NDArray[np.int64], seed: int) -> Floats:
    """A number in [0, 1) for each pair of integers, the same on every machine."""
    h = i.astype(np.uint32) * np.uint32(0x9E3779B1) + j.astype(np.uint32) * np.uint32(0x85EBCA77)
    h += np.uint32((seed * 0xC2B2AE3D + 0x27D4EB2F) & 0xFFFFFFFF)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x2C1B3C6D)
    h ^= h >> np.uint32(12)
    h *= np.uint32(0x297A2D39)
    h ^= h >> np.uint32(15)
    return (h >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)


def noise(u: Floats, v: Floats, wavelength: float, seed: int) -> Floats:
    """Smooth noise in [-1, 1] with features of about `wavelength` kilometres."""
    x, y = u / np.float32(wavelength), v / np.float32(wavelength)
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    # Hashed on the few lattice points that the positions touch, then gathered.
    i, j = x0.astype(np.int32), y0.astype(np.int32)
    imin, jmin = int(i.min()), int(j.min())
    columns = np.arange(imin, int(i.max()) + 2, dtype=np.int64)
    rows = np.arange(jmin, int(j.max()) + 2, dtype=np.int64)
    lattice = _hash(columns[None, :], rows[:, None], seed)
    i -= imin
    j -= jmin
    flat, width = lattice.ravel(), lattice.shape[1]
    at = j * width + i
    low = flat[at] * (1 - fx) + flat[at + 1] * fx
    at += width
    high = flat[at] * (1 - fx) + flat[at + 1] * fx
    result: Floats = (low * (1 - fy) + high * fy) * 2 - 1
    return result


def fractal(u: Floats, v: Floats, wavelength: float, octaves: int, seed: int) -> Floats:
    total = np.zeros_like(u)
    weight = 1.0
    for octave in range(octaves):
        total += np.float32(weight) * noise(u, v, wavelength / 2**octave, seed + octave)
        weight /= 2
    return total


@dataclass(frozen=True)
class Window:
    """Positions of a raster's pixel centres, and of every `stride`-th one for what varies slowly."""

    u: Floats
    v: Floats
    stride: int = 8

    def slowly(self, field: Floats) -> Floats:
        """A field computed at the coarse positions, interpolated to every pixel."""
        return _interpolate(field, self.u.shape, self.stride)

    @property
    def coarse(self) -> tuple[Floats, Floats]:
        """Positions at pixels 0, stride, 2*stride, ... and one beyond the end."""
        return tuple(_extend(a, self.stride) for a in (self.u, self.v))  # type: ignore[return-value]


def _extend(positions: Floats, stride: int) -> Floats:
    """Every stride-th position, continued linearly past the last row and column."""
    for axis in (0, 1):
        count = -(-positions.shape[axis] // stride) + 1
        missing = (count - 1) * stride + 1 - positions.shape[axis]
        last = positions.take([-1], axis)
        step = last - positions.take([-2], axis)
        shape = [1, 1]
        shape[axis] = missing
        more = last + step * np.arange(1, missing + 1, dtype=np.float32).reshape(shape)
        positions = np.concatenate([positions, more], axis)
    return positions[::stride, ::stride]


def _interpolate(field: Floats, shape: tuple[int, ...], stride: int) -> Floats:
    rows, cols = np.arange(shape[0]), np.arange(shape[1])
    fy = ((rows % stride) / stride).astype(np.float32)[:, None]
    fx = ((cols % stride) / stride).astype(np.float32)
    wide = field[:, cols // stride] * (1 - fx) + field[:, cols // stride + 1] * fx
    return (wide[rows // stride] * (1 - fy) + wide[rows // stride + 1] * fy).astype(np.float32, copy=False)


@dataclass(frozen=True)
class Ground:
    """What stays the same from date to date: reflectances of bare ground and of full crops.

    water is 0 (land) to 1 (water); crop and phase say how much of a pixel is a crop and when in the
    season it is green.
    """

    water: Floats
    crop: Floats
    phase: Floats
    wood: Floats
    bare: tuple[Floats, Floats, Floats]  # blue, green, red


def ground(w: Window) -> Ground:
    u, v = w.u, w.v
    cu, cv = w.coarse

    # The coast runs from south-west to north-east; inlets come from the noise.
    inland = (cv + np.float32(6.5) - np.float32(0.45) * cu) / np.float32(6) + fractal(cu, cv, 14.0, 6, 10) * 0.8
    rivers = np.full_like(cu, np.inf)
    for seed, width in ((30, 0.075), (44, 0.045)):
        # Rivers are where slow noise crosses zero: lines that meander without an end.
        bend = noise(cu, cv, 17.0, seed) + 0.22 * noise(cu, cv, 4.1, seed + 1) + 0.05 * noise(cu, cv, 1.3, seed + 2)
        rivers = np.minimum(rivers, np.abs(bend) * np.float32(6) - np.float32(width))
    shore = w.slowly(inland) + np.float32(0.02) * noise(u, v, 0.18, 20)
    river = w.slowly(rivers.astype(np.float32))
    edge = np.float32(0.012)
    sea = np.clip(0.5 - shore / edge, 0, 1)
    stream = np.clip(0.5 - river / np.float32(0.03), 0, 1) * (shore > 0)
    water = np.maximum(sea, stream)

    stand = w.slowly(noise(cu, cv, 0.9, 73) + 0.7 * noise(cu, cv, 0.33, 74))
    height = w.slowly(fractal(cu, cv, 9.0, 5, 60) + (cv - cu) / np.float32(22))
    rough = noise(u, v, 0.055, 70) + 0.6 * noise(u, v, 0.027, 71)
    wood = np.clip((height - 0.75 + 0.12 * rough) * 6, 0, 1) * (1 - water)
    town = w.slowly(np.clip((fractal(cu, cv, 5.5, 4, 80) - 0.92) * 5, 0, 1)) * (1 - water) * (1 - wood)

    parcel, track = _parcels(u, v)
    phase = parcel * 2 - 1
    crop = (1 - water) * (1 - wood) * (1 - 0.85 * town) * (1 - 0.5 * track)

    # Blue, green, red: soil differs from parcel to parcel, water from deep to turbid at the coast.
    tint = np.float32(0.75) + np.float32(0.5) * _fraction(parcel * 7.3) + 0.07 * rough
    house = np.clip(noise(u, v, 0.04, 90) * 1.4 + 0.3, 0, 1) * town
    turbid = np.exp(-np.clip(-shore, 0, None) / np.float32(0.22)) * (0.8 + 0.4 * w.slowly(noise(cu, cv, 3.0, 95)))
    turbid = np.maximum(turbid * (sea > 0), 0.45 * stream)
    bare = []
    for soil, roof, leaf, deep, silt in (
        (0.078, 0.150, 0.022, 0.046, 0.075),
        (0.108, 0.160, 0.042, 0.036, 0.098),
        (0.148, 0.185, 0.026, 0.016, 0.082),
    ):
        land = soil * tint * (1 - house) + roof * house + 0.03 * track
        land = land * (1 - wood) + leaf * (1 + 0.25 * rough + 0.22 * stand) * wood
        lit = land * (1 - water) + (deep + (silt - deep) * turbid) * water
        bare.append(lit.astype(np.float32))
    return Ground(water, crop.astype(np.float32), phase, wood.astype(np.float32), (bare[0], bare[1], bare[2]))


def _fraction(a: Floats) -> Floats:
    return a - np.floor(a)


def _parcels(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """A number in [0, 1) for each field, and 1 on the tracks between fields."""
    # The grid of fields bends slowly, and each block of 1.4 km chooses its own direction and widths.
    bu = u + np.float32(0.12) * noise(u, v, 3.1, 50) + np.float32(0.21) * v
    bv = v + np.float32(0.12) * noise(u, v, 2.7, 51) - np.float32(0.21) * u
    block = np.float32(1.4)
    i, j = np.floor(bu / block).astype(np.int64), np.floor(bv / block).astype(np.int64)
    turned = _hash(i, j, 52) < 0.5
    along = np.where(turned, bv, bu) / block
    across = np.where(turned, bu, bv) / block
    strips = np.floor(4 + 9 * _hash(i, j, 53)).astype(np.float32)
    pieces = np.floor(1 + 3 * _hash(i, j, 54)).astype(np.float32)
    a, b = along * strips, across * pieces
    ai, bi = np.floor(a).astype(np.int64), np.floor(b).astype(np.int64)
    distance = np.minimum(
        np.minimum(a - ai, 1 - (a - ai)) / strips,
        np.minimum(b - bi, 1 - (b - bi)) / pieces,
    )
    track = (distance * block < 0.007).astype(np.float32)
    return _hash(ai * 31 + i * 7, bi * 17 + j * 13, 55), track


@dataclass(frozen=True)
class Scene:
    """One date's view: top-of-ground reflectances and the scene classes."""

    blue: Floats
    green: Floats
    red: Floats
    classes: npt.NDArray[np.uint8]


def scene(w: Window, g: Ground, day: int, cloudiness: float) -> Scene:
    """The ground `day` days after the first of May, under the clouds of that day.

    cloudiness is about the covered part, 0 to 1.
    """
    cu, cv = w.coarse
    season = np.float32(day / 90)
    green = np.clip(np.float32(0.62) + np.float32(0.55) * np.cos(3.1 * (season - 0.35 - 0.55 * g.phase)), 0, 1)
    grown = g.crop * green
    leaf = (0.030, 0.072, 0.038)
    ripe = (0.095, 0.145, 0.185)
    # After their peak some crops turn yellow before they are cut.
    yellow = np.clip((season - 0.45 - 0.35 * g.phase) * 3, 0, 1) * (g.phase > 0.15)

    density = fractal(cu + day * 3.7, cv - day * 1.9, 11.0, 6, 200 + day)
    threshold = np.float32(0.70 - 1.5 * cloudiness)
    cloud = w.slowly(np.clip((density - threshold) * 1.6, 0, 1).astype(np.float32))
    shifted = fractal(cu + day * 3.7 - 0.55, cv - day * 1.9 + 0.8, 11.0, 6, 200 + day)
    shadow = w.slowly(np.clip((shifted - threshold) * 3, 0, 1).astype(np.float32)) * (1 - cloud)
    billow = w.slowly(noise(cu, cv, 1.3, 300 + day) + 0.6 * noise(cu, cv, 0.5, 301 + day))
    white = np.float32(0.36) + np.float32(0.30) * cloud + np.float32(0.05) * billow
    haze = np.float32(0.006 * ((day * 7) % 5))

    bands = []
    for bare, leafy, dry in zip(g.bare, leaf, ripe, strict=True):
        surface = bare * (1 - grown) + (leafy * (1 - yellow) + dry * yellow) * grown
        surface = surface * (1 - 0.55 * shadow) + haze
        bands.append((surface * (1 - cloud) + white * cloud).astype(np.float32))

    classes = np.where(g.wood + grown > 0.45, VEGETATION, SOIL).astype(np.uint8)
    classes[g.water > 0.5] = WATER
    classes[shadow > 0.4] = SHADOW
    classes[cloud > 0.25] = CLOUD_MEDIUM
    classes[cloud > 0.6] = CLOUD_HIGH
    return Scene(bands[0], bands[1], bands[2], classes)
