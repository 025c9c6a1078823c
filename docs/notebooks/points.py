# %% [markdown]
# # Time series at points
#
# A thousand points on every date are one read; each tile is fetched once.

# %%
import cogweave as cw
import geopandas
import numpy as np
from demo_archive import catalog

da = cw.open(
    catalog,
    bbox=(11.85, 45.35, 12.15, 45.65),
    bbox_crs="EPSG:4326",
    crs="EPSG:32632",
    resolution=10,
    bands=["red", "SCL"],
)
random = np.random.default_rng(0)
lon, lat = random.uniform(11.9, 12.1, 1000), random.uniform(45.4, 45.6, 1000)
points = geopandas.GeoSeries.from_xy(lon, lat, crs="EPSG:4326")
with cw.measure() as spent:
    values = da.cogweave.sample(points)
print({name: spent[name] for name in ("native_calls", "decoded_pixels")})

# %%
values

# %% [markdown]
# What is no cloud, point by point:

# %%
red = values.sel(band="red").where(values.sel(band="red") > 0)
seen = ~values.sel(band="SCL").isin([0, 3, 8, 9, 10])
reflectance = (red.where(seen) * 0.0001 - 0.1).drop_vars("spatial_ref")
lines = reflectance[:, :40].plot.line(x="time", add_legend=False, marker=".")
