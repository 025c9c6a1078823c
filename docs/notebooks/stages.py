# %% [markdown]
# # Stages, one by one
#
# What `open` and a read do, as five calls. Each result is an Arrow table that any other library takes.

# %%
import cogweave as cw
from demo_archive import catalog

items = cw.search(catalog, datetime="2025-06", filter="eo:cloud_cover < 50")
items

# %%
headers = cw.headers(items, ["B04"])
headers

# %%
grid = cw.Grid.from_bbox((728000, 5034000, 738000, 5044000), "EPSG:32632", 20)
plan = cw.plan(items, grid, bands=["B04"], headers=headers)
plan

# %% [markdown]
# Network only: compressed tiles. Then pixels only.

# %%
tiles = cw.fetch(plan)
array = cw.mosaic(plan, tiles)
array.shape, array.dtype, int((array > 0).sum())
