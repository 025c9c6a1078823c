// Package table reads and writes the tables that stages exchange, as Arrow: items, headers, reads, tiles. It is the one
// place that knows the versions of STAC and of its extensions.
package table
