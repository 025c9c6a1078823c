"""A web service that awaits its pixels: one event loop, no thread per request.

    python docs/recipes/web_service.py items.parquet MINX MINY MAXX MAXY CRS RESOLUTION [PORT]
    curl 'http://127.0.0.1:8000/mean?minx=...&miny=...&maxx=...&maxy=...'

`GET /mean` answers the mean of every band in a box, over time. Tornado stands for any framework on
asyncio: what counts is that the handler awaits.
"""

import asyncio
import sys

import cogweave as cw
import tornado.httpserver
import tornado.netutil
import tornado.web
import xarray as xr

DEADLINE = 30.0  # seconds for one request


class Mean(tornado.web.RequestHandler):
    """The mean of each band in a box; the array was opened once, when the service started."""

    def initialize(self, array: xr.DataArray) -> None:
        """Take what every handler shares."""
        self.array = array
        self.reading: asyncio.Task[xr.DataArray] | None = None

    async def get(self) -> None:
        """Answer one request: read its window and nothing else."""
        box = {side: float(self.get_argument(side)) for side in ("minx", "miny", "maxx", "maxy")}
        # Slicing makes no request and runs no query. y runs downwards.
        window = self.array.sel(x=slice(box["minx"], box["maxx"]), y=slice(box["maxy"], box["miny"]))
        self.reading = asyncio.ensure_future(window.load_async())
        try:
            async with asyncio.timeout(DEADLINE):
                pixels = await self.reading  # one operation, whatever it touches; the loop goes on
        except asyncio.CancelledError:
            return  # nobody is there to be answered
        except TimeoutError:
            raise tornado.web.HTTPError(504) from None
        except cw.BudgetExceeded:  # larger than memory_limit can serve, known before any request
            raise tornado.web.HTTPError(413) from None
        valid = pixels.where(pixels != pixels.attrs["_FillValue"])
        self.write({str(band): float(valid.sel(band=band).mean()) for band in pixels["band"].values})

    def on_connection_close(self) -> None:
        """Drop the work of a client that is gone: its requests to the store end within milliseconds."""
        if self.reading is not None:
            self.reading.cancel()


async def serve(catalog: str, bbox: tuple[float, ...], crs: str, resolution: float, port: int) -> None:
    """Open the catalog once and serve until the process is told to end."""
    cw.configure(max_requests=64, memory_limit="1 GB")  # for the whole process, however many clients
    array = await cw.open_async(catalog, bbox=bbox, crs=crs, resolution=resolution, bands=["B02", "B03"])
    (socket,) = tornado.netutil.bind_sockets(port, "127.0.0.1")
    application = tornado.web.Application([("/mean", Mean, {"array": array})])
    tornado.httpserver.HTTPServer(application).add_sockets([socket])
    print(f"http://127.0.0.1:{socket.getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    catalog, *box, crs, resolution = sys.argv[1:8]
    port = int(sys.argv[8]) if len(sys.argv) > 8 else 8000
    asyncio.run(serve(catalog, tuple(map(float, box)), crs, float(resolution), port))
