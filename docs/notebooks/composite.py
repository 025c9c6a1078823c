# %% [markdown]
# # Cloud-free composite
#
# The same season three ways: the first valid pixel, the first that is no cloud, and the median of those.

# %%
import cogweave as cw
import matplotlib.pyplot as plt
from demo_archive import catalog

where = dict(
    bbox=(11.85, 45.35, 12.15, 45.65),
    bbox_crs="EPSG:4326",
    crs="EPSG:32632",
    resolution=40,
    bands=["red", "green", "blue"],
    time_period="P1Y",
    scale=True,
)
clear = dict(mask={"SCL": [3, 8, 9, 10]}, mask_dilate=2)
composites = {
    "first": cw.open(catalog, **where),
    "first, masked": cw.open(catalog, **where, **clear, sortby="eo:cloud_cover"),
    "median, masked": cw.open(catalog, **where, **clear, mosaic_method="median"),
}

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 6))
for axis, (name, da) in zip(axes, composites.items()):
    shown = (da.isel(time=0).load() / 0.25).clip(0, 1)
    axis.imshow(shown.transpose("y", "x", "band"))
    axis.set_title(name)
    axis.set_axis_off()
