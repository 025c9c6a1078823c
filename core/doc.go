// Package core is the vocabulary of cogweave: what an item, a grid, a tile and an error are.
//
// The data flows search -> headers -> plan -> fetch -> mosaic; every stage turns one value of this
// package into the next. core itself does no I/O. Its only goroutine is the one that empties Spares; Go
// starts those of others.
//
// # Conventions
//
// These hold in every package and are not repeated at each function.
//
//   - Byte ranges are half-open, [Start, End), from the start of the object.
//   - Windows are half-open in rows and columns; row 0 is the top row of the raster, column 0 its
//     leftmost column; pixels are stored row-major.
//   - Pixel coordinates are continuous: the centre of the top-left pixel is (0.5, 0.5).
//   - Affine transforms map pixel coordinates (column, row) to CRS coordinates (x, y), with the
//     letters of the Python affine package: x = a*col + b*row + c, y = d*col + e*row + f.
//   - Bounding boxes are (minx, miny, maxx, maxy) in the CRS that goes with them.
//   - CRS coordinates are in traditional GIS order: x is easting or longitude.
//   - Bands of a TIFF are counted from 0 in Go and from 1 wherever a user sees them.
//   - Times are instants in UTC, in microseconds since 1970-01-01T00:00:00Z.
//   - Arrays are (band, time, y, x), C order.
//   - A caller owns what it passes in and what it gets back, unless a comment says otherwise.
package core
