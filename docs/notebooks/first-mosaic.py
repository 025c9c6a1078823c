# %% [markdown]
# # First mosaic
#
# The demo archive resembles Sentinel-2: four tiles in two UTM zones, six dates, swaths that end inside it.

# %%
import cogweave as cw
from demo_archive import catalog

da = cw.open(
    catalog,
    bbox=(11.85, 45.35, 12.15, 45.65),
    bbox_crs="EPSG:4326",
    crs="EPSG:32632",
    resolution=40,
    bands=["red", "green", "blue"],
    time_period="P1M",
    scale=True,  # reflectances, as the catalog's scale and offset give them
    properties=["eo:cloud_cover", "item_count"],
)
da

# %% [markdown]
# What a read would take, before it reads:

# %%
print(da.cogweave.explain())

# %% [markdown]
# Where the items lie, and the array over them:

# %%
axes = da.cogweave.plot_footprints()
# %% [markdown]
# One read for the picture:

# %%
picture = da.isel(time=1).load()
colours = picture.transpose("y", "x", "band")
image = colours.plot.imshow(vmin=0, vmax=0.25, size=6)
