"""Grids: which pixels, where."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, cast

import numpy as np

from . import _crs, _html
from ._coordinate import along, beside
from .errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr

Transform = tuple[float, float, float, float, float, float]
BBox = tuple[float, float, float, float]

# A cell of which less than this fraction is asked for is not added.
_SLIVER: Final = 1e-3
# Snapping to an anchor takes an edge for one of the lattice within this fraction of a cell,
# as odc-geo does.
_SNAP: Final = 0.01
_MOST_CELLS: Final = 2**31 - 1  # along one axis


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Grid:
    """A raster grid: a CRS, an affine transform and a shape. Immutable.

    Parameters
    ----------
    crs
        Anything `pyproj.CRS` takes.
    transform : Affine or six floats
        ``a, b, c, d, e, f``: pixel (col, row) has its corner at
        ``x = a*col + b*row + c``, ``y = d*col + e*row + f``, in CRS units.
    shape : (int, int)
        Rows and columns, each at least 1.

    Attributes
    ----------
    crs : str
        ``"EPSG:n"``, or WKT2 where there is no code.
    transform : tuple of six floats
    shape : (int, int)

    Raises
    ------
    InvalidArgument
        An unknown CRS, a transform that cannot be inverted, an empty shape.

    Examples
    --------
    >>> Grid("EPSG:32633", (10, 0, 500000, 0, -10, 5000000), (200, 100)).bbox
    (500000.0, 4998000.0, 501000.0, 5000000.0)
    """

    crs: str
    transform: Transform
    shape: tuple[int, int]

    def __init__(self, crs: object, transform: Iterable[float], shape: Iterable[int]) -> None:
        object.__setattr__(self, "crs", _crs.normalize(crs))
        object.__setattr__(self, "transform", _check_transform(transform))
        object.__setattr__(self, "shape", _check_shape(shape))

    @classmethod
    def from_bbox(
        cls,
        bbox: Iterable[float],
        crs: object,
        resolution: float | tuple[float, float] | None = None,
        anchor: str | tuple[float, float] | None = None,
        *,
        shape: tuple[int, int] | None = None,
    ) -> Grid:
        """Make the north-up grid that covers a bbox.

        Parameters
        ----------
        bbox : four floats
            ``(minx, miny, maxx, maxy)`` in ``crs``.
        crs
            Anything `pyproj.CRS` takes.
        resolution : float or (float, float), optional
            Pixel size, or its x and y sizes, in CRS units, positive.
        anchor : {None, "edge", "center"} or (float, float), optional
            None: the grid starts at exactly ``(minx, maxy)`` and has as many cells as cover the
            bbox. ``"edge"``: pixel edges lie on multiples of the resolution; ``"center"``: pixel
            centres do; a pair: edges lie that fraction of a pixel (x, y, in ``[0, 1)``) beyond
            the multiples. The bbox is then extended outwards, as odc-geo does.
        shape : (int, int), optional
            Rows and columns, instead of a resolution.

        Returns
        -------
        Grid
            Along each axis ``ceil(extent / resolution - 1e-3)`` cells, at least 1.

        Raises
        ------
        InvalidArgument
            A bbox that is reversed or not finite, a resolution that is not positive, both or
            neither of resolution and shape.
        """
        from . import _arguments

        name = _crs.normalize(crs)
        minx, miny, maxx, maxy = box = _arguments.bbox(bbox, degrees=lambda: _crs.parsed(name).is_geographic)
        if (resolution is None) == (shape is None):
            raise InvalidArgument("a grid from a bbox wants either resolution or shape")
        if shape is not None:
            if anchor is not None:
                raise InvalidArgument("anchor goes with resolution, not with shape")
            rows, cols = _check_shape(shape)
            xres, yres = (maxx - minx) / cols, (maxy - miny) / rows
            return cls(name, (xres, 0.0, minx, 0.0, -yres, maxy), (rows, cols))
        xres, yres = _arguments.resolution(resolution)
        if anchor is None:
            cols, rows = _cells((maxx - minx) / xres, box), _cells((maxy - miny) / yres, box)
            return cls(name, (xres, 0.0, minx, 0.0, -yres, maxy), (rows, cols))
        xoff, yoff = _arguments.anchor(anchor)
        left, cols = _snap(minx, maxx, xres, xoff)
        bottom, rows = _snap(miny, maxy, yres, yoff)
        _cells(float(max(cols, rows)), box)
        return cls(name, (xres, 0.0, left, 0.0, -yres, bottom + rows * yres), (rows, cols))

    @classmethod
    def _exact(cls, crs: str, transform: Transform, shape: tuple[int, int]) -> Grid:
        """Make a grid of values that were checked before, the CRS as it is written."""
        grid = object.__new__(cls)
        object.__setattr__(grid, "crs", crs)
        object.__setattr__(grid, "transform", transform)
        object.__setattr__(grid, "shape", shape)
        return grid

    @property
    def rectilinear(self) -> bool:
        """Whether rows and columns run along the CRS axes."""
        return self.transform[1] == 0 and self.transform[3] == 0

    @property
    def resolution(self) -> tuple[float, float]:
        """Pixel size along x and y, in CRS units, positive."""
        a, b, _, d, e, _ = self.transform
        return math.hypot(a, d), math.hypot(b, e)

    @property
    def bbox(self) -> BBox:
        """``(minx, miny, maxx, maxy)`` of the pixels' outer edges, in the CRS."""
        a, b, c, d, e, f = self.transform
        rows, cols = self.shape
        xs = [c + a * i + b * j for i in (0, cols) for j in (0, rows)]
        ys = [f + d * i + e * j for i in (0, cols) for j in (0, rows)]
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def geobox(self) -> Any:
        """The grid as an `odc.geo.geobox.GeoBox` (odc-geo is optional)."""
        from affine import Affine
        from odc.geo.geobox import GeoBox

        return GeoBox(self.shape, Affine(*self.transform), self.crs)

    def coords(self) -> dict[str, xr.Variable]:
        """Give the coordinates at pixel centres, and the CF grid mapping.

        Returns
        -------
        dict of str to xarray.Variable
            ``y`` and ``x``, float64, with CF attributes (left out where rows and columns do not
            run along the CRS axes), and ``spatial_ref``, a scalar whose attributes hold the CRS, and
            the ``GeoTransform`` where the coordinates do not tell it. A slice changes coordinates and
            no attributes: a transform there would be wrong for every slice with a step.
        """
        out: dict[str, xr.Variable] = {}
        if self.rectilinear:
            a, _, c, _, e, f = self.transform
            rows, cols = self.shape
            centres = {
                "y": f + e * (np.arange(rows, dtype="float64") + 0.5),
                "x": c + a * (np.arange(cols, dtype="float64") + 0.5),
            }
            for name, values in centres.items():
                out[name] = along(name, values, _crs.axis_attrs(self.crs, name))
        told = self.rectilinear and min(self.shape) > 1
        mapping = _crs.grid_mapping(self.crs, None if told else self.transform)
        out["spatial_ref"] = beside((), np.array(0, "int64"), mapping)
        return out

    def __getitem__(self, key: Any) -> Grid:
        """Give the grid of a window: ``grid[rows, cols]``, slices or single positions.

        A step makes the pixels larger by as much and keeps the chosen pixels' centres; a negative
        one reverses the axis.
        """
        rows, cols = key if isinstance(key, tuple) and len(key) == 2 else (key, slice(None))
        row, row_step, row_count = _positions(rows, self.shape[0], "row")
        col, col_step, col_count = _positions(cols, self.shape[1], "column")
        return self._window(row, row_step, row_count, col, col_step, col_count)

    def _window(self, row: int, row_step: int, rows: int, col: int, col_step: int, cols: int) -> Grid:
        if rows < 1 or cols < 1:
            raise InvalidArgument(f"a window of {rows} rows and {cols} columns is no grid")
        a, b, c, d, e, f = self.transform
        x0, y0 = col + 0.5 - col_step / 2, row + 0.5 - row_step / 2
        transform = (
            a * col_step, b * row_step, c + a * x0 + b * y0,
            d * col_step, e * row_step, f + d * x0 + e * y0,
        )  # fmt: skip
        return Grid._exact(self.crs, transform, (rows, cols))

    def _crop(self, bbox: BBox) -> Grid:
        """Give the whole cells that a bbox in the grid's CRS touches.

        Raises
        ------
        InvalidArgument
            The bbox touches none.
        """
        a, b, c, d, e, f = self.transform
        det = a * e - b * d
        corners = [(x - c, y - f) for x in bbox[::2] for y in bbox[1::2]]
        cols = [(e * x - b * y) / det for x, y in corners]
        rows = [(a * y - d * x) / det for x, y in corners]
        col, row = max(0, _floor(min(cols))), max(0, _floor(min(rows)))
        end_col = min(self.shape[1], -_floor(-max(cols)))
        end_row = min(self.shape[0], -_floor(-max(rows)))
        if end_col <= col or end_row <= row:
            raise InvalidArgument(f"bbox {bbox} lies outside the grid, whose bbox is {self.bbox}")
        return self._window(row, 1, end_row - row, col, 1, end_col - col)

    def _request(self) -> dict[str, Any]:
        return {"crs": self.crs, "transform": list(self.transform), "shape": list(self.shape)}

    def __reduce__(self) -> tuple[Any, ...]:
        return Grid._exact, (self.crs, self.transform, self.shape)

    def __repr__(self) -> str:
        terms = ", ".join(f"{term:.17g}" for term in self.transform)
        return f"Grid({_crs.describe(self.crs)!r}, ({terms}), {self.shape})"

    def _repr_html_(self) -> str:
        xres, yres = self.resolution
        lines = (
            ("crs", _crs.describe(self.crs)),
            ("shape", f"{self.shape[0]} rows, {self.shape[1]} columns"),
            ("resolution", f"{xres:g}, {yres:g}"),
            ("bbox", ", ".join(f"{edge:.10g}" for edge in self.bbox)),
        )
        return _html.card("cogweave.Grid", lines, picture=self._picture())

    def _picture(self) -> str:
        """Draw the shape, rows down and columns across."""
        rows, cols = self.shape
        scale = 56 / max(rows, cols)
        width, height = max(4.0, cols * scale), max(4.0, rows * scale)
        return (
            f"<svg width='64' height='64' viewBox='-4 -4 64 64' role='img' aria-label='shape of the grid'>"
            f"<rect width='{width:.1f}' height='{height:.1f}' fill='currentColor' fill-opacity='.12' "
            "stroke='currentColor' stroke-opacity='.6'/></svg>"
        )


def as_grid(value: object) -> Grid:
    """Make a grid of a `Grid`, an odc-geo GeoBox, or an xarray object with a CRS.

    Raises
    ------
    InvalidArgument
        The object tells no CRS, or its coordinates are not evenly spaced.
    """
    if isinstance(value, Grid):
        return value
    box: Any = value
    if all(hasattr(value, name) for name in ("crs", "affine", "shape")):  # odc.geo.GeoBox
        return Grid(box.crs, box.affine, box.shape)
    if all(hasattr(value, name) for name in ("coords", "dims", "sizes")):
        return _like(box)
    raise InvalidArgument(
        'grid wants a cogweave.Grid, an odc-geo GeoBox, an xarray object with a CRS or "native", and was '
        f"given {value if isinstance(value, str) else type(value).__name__!r}"
    )


def _like(data: xr.DataArray | xr.Dataset) -> Grid:
    y, x = next(
        (
            pair
            for pair in (("y", "x"), ("latitude", "longitude"), ("lat", "lon"))
            if all(name in data.coords and data.coords[name].ndim == 1 for name in pair)
        ),
        ("", ""),
    )
    if not y:
        raise InvalidArgument("grid: the xarray object has no one-dimensional y and x coordinates")
    name = data.encoding.get("grid_mapping") or data.attrs.get("grid_mapping") or "spatial_ref"
    attrs = data.coords[name].attrs if name in data.coords else {}
    crs = attrs.get("crs_wkt") or attrs.get("spatial_ref")
    if not crs:
        raise InvalidArgument(f"grid: the xarray object has no coordinate {name!r} with a crs_wkt")
    ys, xs = (np.asarray(data.coords[axis].values, dtype="float64") for axis in (y, x))
    xres, yres = _spacing(xs, x), _spacing(ys, y)
    transform = (xres, 0.0, xs[0] - xres / 2, 0.0, yres, ys[0] - yres / 2)
    return Grid(crs, transform, (len(ys), len(xs)))


def _spacing(centres: Any, name: str) -> float:
    if len(centres) < 2:
        raise InvalidArgument(f"grid: one value of {name} does not tell the pixel size")
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    expected = centres[0] + step * np.arange(len(centres))
    if not np.allclose(centres, expected, rtol=0, atol=abs(step) * 1e-2):
        raise InvalidArgument(f"grid: the coordinate {name} is not evenly spaced")
    return float(step)


def _check_transform(transform: Iterable[float]) -> Transform:
    if all(hasattr(transform, letter) for letter in "abcdef"):  # an Affine iterates over nine
        terms = [getattr(transform, letter) for letter in "abcdef"]
    else:
        try:
            terms = list(transform)
        except TypeError:
            terms = []
    try:
        a, b, c, d, e, f = (float(term) for term in terms)
    except (TypeError, ValueError):
        raise InvalidArgument(f"transform wants an Affine or its six numbers a, b, c, d, e, f: {transform!r}") from None
    det = a * e - b * d
    if not all(map(math.isfinite, (a, b, c, d, e, f, det))) or det == 0:
        raise InvalidArgument(f"transform {(a, b, c, d, e, f)} cannot be inverted")
    return a, b, c, d, e, f


def _check_shape(shape: Iterable[int]) -> tuple[int, int]:
    try:
        rows, cols = (operator.index(cast("SupportsIndex", size)) for size in shape)
    except (TypeError, ValueError):
        raise InvalidArgument(f"shape wants (rows, columns): {shape!r}") from None
    if not (0 < rows <= _MOST_CELLS and 0 < cols <= _MOST_CELLS):
        raise InvalidArgument(f"shape {(rows, cols)} is empty or too large")
    return rows, cols


def _cells(extent: float, box: BBox) -> int:
    """Count the cells along an axis that is ``extent`` cells long."""
    if not extent <= _MOST_CELLS:
        raise InvalidArgument(f"bbox {box} would have {extent:.3g} cells along an axis")
    return max(1, math.ceil(extent - _SLIVER))


def _snap(low: float, high: float, size: float, offset: float) -> tuple[float, int]:
    """Extend ``[low, high]`` outwards to the lattice ``(k + offset) * size``: start and cells."""
    first, last = low / size - offset, high / size - offset
    start = _floor(first, _SNAP)
    return (start + offset) * size, max(1, -_floor(-last, _SNAP) - start)


def _floor(value: float, tolerance: float = _SLIVER) -> int:
    """Round down, except that a value just short of an integer is that integer."""
    near = round(value)
    return near if abs(value - near) < tolerance else math.floor(value)


def _positions(key: object, size: int, axis: str) -> tuple[int, int, int]:
    """Give start, step and count of a slice or a single position along an axis."""
    if isinstance(key, slice):
        try:
            chosen = range(*key.indices(size))
        except (TypeError, ValueError) as problem:
            raise InvalidArgument(f"{axis}s {key}: {problem}") from None
        return chosen.start, chosen.step, len(chosen)
    try:
        position = operator.index(cast("SupportsIndex", key))
    except TypeError:
        raise InvalidArgument(f"a grid is indexed by slices and positions, not {key!r}") from None
    if not -size <= position < size:
        raise IndexError(f"{axis} {position} is outside {size} {axis}s")
    return position % size, 1, 1
