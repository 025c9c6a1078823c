"""cogweave: thousands of Cloud-Optimized GeoTIFFs, found through STAC, as one lazy array.

`open` gives an xarray array; `search`, `headers`, `plan`, `fetch` and `mosaic` are the stages
behind it, each also as an awaitable with the suffix ``_async``. Importing the package loads
nothing native; the first call does.
"""

from . import compat, debug, sign
from ._plan_description import Band
from ._versions import show_versions
from .accessor import CogweaveAccessor
from .config import Measurement, cancel_all, configure, measure, stats, versions
from .errors import (
    AccessDenied,
    AssetChanged,
    AssetError,
    AssetNotFound,
    BudgetExceeded,
    Cancelled,
    CogweaveError,
    DecodeError,
    FetchTimeout,
    ForkedProcess,
    InvalidArgument,
    SearchError,
)
from .explain import Explanation
from .fetch import fetch, fetch_async
from .grid import Grid
from .headers import headers, headers_async
from .mask import Bits, bits
from .mosaic import mosaic, mosaic_async
from .open import open, open_async  # noqa: A004
from .open_item import open_item, open_item_async
from .plan import Plan, plan, plan_async
from .progress import ProgressEvent
from .read import Step, Stream, read, read_async, stream
from .report import Outcome, Report
from .search import search, search_async
from .tables import Headers, Items, Reads, Tiles

__version__ = "0.1.0"

__all__ = [
    "AccessDenied",
    "AssetChanged",
    "AssetError",
    "AssetNotFound",
    "Band",
    "Bits",
    "BudgetExceeded",
    "Cancelled",
    "CogweaveAccessor",
    "CogweaveError",
    "DecodeError",
    "Explanation",
    "FetchTimeout",
    "ForkedProcess",
    "Grid",
    "Headers",
    "InvalidArgument",
    "Items",
    "Measurement",
    "Outcome",
    "Plan",
    "ProgressEvent",
    "Reads",
    "Report",
    "SearchError",
    "Step",
    "Stream",
    "Tiles",
    "__version__",
    "bits",
    "cancel_all",
    "compat",
    "configure",
    "debug",
    "fetch",
    "fetch_async",
    "headers",
    "headers_async",
    "measure",
    "mosaic",
    "mosaic_async",
    "open",
    "open_async",
    "open_item",
    "open_item_async",
    "plan",
    "plan_async",
    "read",
    "read_async",
    "search",
    "search_async",
    "show_versions",
    "sign",
    "stats",
    "stream",
    "versions",
]
