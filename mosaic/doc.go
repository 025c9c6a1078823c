// Package mosaic turns compressed tiles into pixels: it decodes, resamples and combines them, on the
// process's CPU workers and within its memory budget. It knows nothing of networks: tiles come through a
// core.TileSource.
package mosaic
