// Package search finds STAC items in stac-geoparquet files and Arrow tables, with DuckDB.
//
// Each opened source has an in-memory DuckDB of its own, locked so that it can read that source's
// files and nothing else: no other path, no network, no extension, no setting. Searches of one source
// run in parallel on several connections. Values are always bound, property names are always looked up
// in the source's columns: no string of the caller becomes SQL.
//
// Footprints are tested exactly (package region) by a function that DuckDB calls for the rows whose
// bounding box cannot decide. CQL2 filters are parsed and compiled by package cql2.
package search
