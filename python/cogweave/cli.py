"""The command line: ``cogweave search | explain | read | doctor``.

Exit codes: 0 done; 1 a catalog or a file could not be read, or something is broken; 2 wrong
arguments; 3 nothing matches.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

try:
    import click
except ImportError as missing:
    raise SystemExit(
        "the command line wants the cli extra: pip install '.[cli]' in a checkout of cogweave"
    ) from missing

from . import _output
from . import sign as ready_made
from ._properties import columns
from ._signing import Sign, imported
from ._versions import installed
from .config import configure
from .errors import CogweaveError, InvalidArgument, SearchError
from .mask import bits
from .open import open as open_array
from .search import search as find_items

if TYPE_CHECKING:
    import xarray as xr

    from ._storage import Storage
    from .mask import Rule

F = TypeVar("F", bound=Callable[..., Any])

_MOST_CLASSES: Final = 1 << 16  # of a range
_NUMBERS: Final = re.compile(r"(-?\d+(--?\d+)?,)*-?\d+(--?\d+)?")

FAILED: Final = 1
WRONG: Final = 2
NOTHING: Final = 3


def _guarded(command: F) -> F:
    """Turn errors into one line on standard error and an exit code."""

    @functools.wraps(command)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except BrokenPipeError:
            raise  # whoever reads has had enough, as `head` has: click ends quietly
        except InvalidArgument as problem:
            code, text = WRONG, str(problem)
        except SearchError as problem:
            code, text = NOTHING if problem.reason == "NoItems" else FAILED, str(problem)
        except (CogweaveError, OSError, ImportError) as problem:
            code, text = FAILED, str(problem)
        click.echo(f"cogweave: {text}", err=True)
        raise SystemExit(code)

    return call  # type: ignore[return-value]


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _masks(_context: object, _option: object, texts: tuple[str, ...]) -> dict[str, Rule] | None:
    """Read ``ASSET=3,8-10`` (classes) and ``ASSET=bits:1,3`` as ``mask=`` has them."""
    masks: dict[str, Rule] = {}
    for text in texts:
        asset, _, told = text.partition("=")
        if asset in masks:
            raise click.BadParameter(f"{asset} is given twice: its classes or bits go into one --mask, as SCL=3,8-10")
        masks[asset] = _rule(text, told)
    return masks or None


def _rule(text: str, told: str) -> Rule:
    listed = told.removeprefix("bits:")
    if not _NUMBERS.fullmatch(listed):
        raise click.BadParameter(f"{text!r} is neither ASSET=CLASSES, as SCL=3,8-10, nor ASSET=bits:1,3,4")
    numbers: list[int] = []
    for low, high in re.findall(r"(-?\d+)(?:-(-?\d+))?(?:,|$)", listed):
        first, last = int(low), int(high or low)
        if not 0 <= last - first < _MOST_CLASSES:
            raise click.BadParameter(f"{text!r}: {low}-{high} is no range from a lower number to one not far above it")
        numbers += range(first, last + 1)
    try:
        return numbers if listed == told else bits(*numbers)
    except InvalidArgument as problem:
        raise click.BadParameter(f"{text!r}: {problem}") from None


def _buckets(_context: object, _option: object, pairs: tuple[tuple[str, str], ...]) -> Storage | None:
    """Gather options of buckets by their prefixes."""
    storage: dict[str, dict[str, str]] = {}
    for prefix, text in pairs:
        name, equals, value = text.partition("=")
        if not name or not equals:
            # Neither is shown: it may be a secret.
            raise click.BadParameter("wants PREFIX NAME=VALUE, with a --storage for each option")
        storage.setdefault(prefix, {})[name] = value
    return storage or None


def _signer(_context: object, _option: object, path: str | None) -> Sign | None:
    """Import a function, one of `cogweave.sign` by its name alone."""
    if path is None:
        return None
    try:
        return imported(path if ":" in path else f"{ready_made.__name__}:{path}")
    except Exception as problem:  # a module may raise anything
        raise click.BadParameter(f"{path!r} is no MODULE:FUNCTION that can be imported: {problem}") from None


_access = _options(
    click.option(
        "--storage",
        nargs=2,
        multiple=True,
        callback=_buckets,
        metavar="PREFIX NAME=VALUE",
        help="One option of a bucket, such as s3://bucket requester_pays=true; repeat --storage for more.",
    ),
    click.option(
        "--sign",
        callback=_signer,
        metavar="MODULE:FUNCTION",
        help="Function that signs hrefs when they are read, or planetary_computer.",
    ),
)
_which = _options(
    click.option("--datetime", help="An instant, a day (2025-06-08), a month, or an interval START/END."),
    click.option("--filter", help="CQL2 text, such as 'eo:cloud_cover < 20'."),
    click.option("--ids", multiple=True, help="Only this item; may be repeated."),
    click.option("--collections", multiple=True, help="Only this collection; may be repeated."),
    click.option("--sortby", multiple=True, help="A property, -property for descending; may be repeated."),
)
_json = click.option("--json", "as_json", is_flag=True, help="Write JSON.")
_array = _options(
    _which,
    _access,
    click.option("--bbox", type=float, nargs=4, required=True, help="MINX MINY MAXX MAXY."),
    click.option("--bbox-crs", help="CRS of the bbox; else that of --crs, or degrees with --crs utm."),
    click.option("--crs", required=True, help='EPSG:n, or "utm".'),
    click.option("--resolution", type=float, required=True, help="Pixel size, in units of the CRS."),
    click.option("--bands", "-b", multiple=True, help="An asset key or common name; may be repeated."),
    click.option(
        "--time-period", default="P1D", show_default=True, help='Time steps: P1D, P1M, solar_day, "none", ...'
    ),
    click.option("--mosaic-method", default="first", show_default=True, help="How items of a step combine."),
    click.option("--resampling", default="nearest", show_default=True, help="GDAL's name."),
    click.option(
        "--mask",
        multiple=True,
        callback=_masks,
        metavar="ASSET=VALUES",
        help="Classes to leave out, as SCL=3,8-10, or bits, as QA_PIXEL=bits:1,3,4; may be repeated.",
    ),
    click.option("--mask-dilate", type=int, help="Widen masks by so many of their pixels."),
    click.option("--errors", type=click.Choice(["raise", "ignore"]), default="raise", show_default=True),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="cogweave")
@click.option("--threads", type=int, help="Workers that decode and resample.")
@click.option("--memory-limit", help='Bytes for caches and work in progress, such as "2 GB".')
@_guarded
def main(threads: int | None, memory_limit: str | None) -> None:
    """Mosaics of Cloud-Optimized GeoTIFFs that a STAC catalog tells of."""
    if threads is not None or memory_limit is not None:
        configure(threads=threads, memory_limit=memory_limit)


@main.command()
@click.argument("source")
@_which
@_access
@click.option("--bbox", type=float, nargs=4, help="WEST SOUTH EAST NORTH in degrees.")
@click.option("--limit", type=int, help="At most so many items.")
@_json
@_guarded
def search(source: str, bbox: tuple[float, ...], limit: int | None, as_json: bool, **which: Any) -> None:
    """List the items of SOURCE (a path, glob, folder or URL) that match."""
    items = find_items(source, bbox=bbox or None, limit=limit, **_given(which))
    ids = columns(items, ["id"])["id"]
    times = columns(items, ["datetime"])["datetime"] if "datetime" in items.columns else [None] * len(ids)
    rows = [{"id": name, "datetime": _moment(time)} for name, time in zip(ids, times, strict=True)]
    if as_json:
        click.echo(json.dumps(rows))
    else:
        for row in rows:
            click.echo(f"{row['datetime'] or '-':<34}{row['id']}")
    if not rows:
        raise SystemExit(NOTHING)


@main.command()
@click.argument("source")
@_array
@_json
@_guarded
def explain(source: str, as_json: bool, **arguments: Any) -> None:
    """Tell what reading a mosaic of SOURCE would take, and read no tile."""
    told = _opened(source, arguments).cogweave.explain()
    click.echo(json.dumps(told.to_dict()) if as_json else str(told))


@main.command()
@click.argument("source")
@_array
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="A .tif (COG), .zarr or .png.")
@click.option("--overwrite", is_flag=True, help="Replace an output that is there.")
@click.option("--overview-resampling", help="GDAL's name, of a .tif; else a choice by the dtype.")
@_json
@_guarded
def read(
    source: str, output: Path, overwrite: bool, overview_resampling: str | None, as_json: bool, **arguments: Any
) -> None:
    """Read a mosaic of SOURCE and write it."""
    write = _output.writer(output, overwrite, overview_resampling)
    data = _opened(source, arguments)
    write(data)
    failed = data.cogweave.report().failed
    told = {
        "output": str(output),
        **{str(dim): int(size) for dim, size in data.sizes.items()},
        "dtype": str(data.dtype),
        "failed": [{"item": one.item_id, "band": one.band, "error": one.message or one.error} for one in failed],
    }
    for one in failed:
        click.echo(
            f"left out: {one.item_id}{f', band {one.band}' if one.band else ''}: {one.message or one.error}", err=True
        )
    sizes = " x ".join(f"{size} {dim}" for dim, size in data.sizes.items())
    click.echo(json.dumps(told) if as_json else f"{output}: {sizes}, {data.dtype}")


@main.command()
@_json
@_guarded
def doctor(as_json: bool) -> None:
    """Tell whether everything that cogweave needs is there."""
    told = installed()
    if as_json:
        click.echo(json.dumps(told))
    else:
        engine = told.get("engine", {"": told.get("engine_error", "")})
        click.echo("engine    " + ", ".join(f"{name} {version}" for name, version in engine.items()))
        for group in ("required", "optional"):
            present = [f"{name} {version}" for name, version in told[group].items() if version]
            absent = [name for name, version in told[group].items() if not version]
            click.echo(f"{group:<10}{', '.join(present)}" + (f"; not there: {', '.join(absent)}" if absent else ""))
        click.echo(f"machine   Python {told['python']}, {told['platform']}, {told['processors']} processors")
    if "engine" not in told or not all(told["required"].values()):
        raise SystemExit(FAILED)


def _moment(time: Any) -> str | None:
    """Write an instant, which documents and APIs have as text."""
    return time if time is None or isinstance(time, str) else str(time.isoformat()).replace("+00:00", "Z")


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not said; make lists of what may be repeated."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in arguments.items() if v not in (None, ())}


def _opened(source: str, arguments: dict[str, Any]) -> xr.DataArray:
    given = _given(arguments)
    if given.get("time_period") == "none":
        given["time_period"] = None
    return open_array(source, **given)


if __name__ == "__main__":
    sys.exit(main())
