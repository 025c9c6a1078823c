package search

import (
	"encoding/binary"
	"io"
	"os"

	"cogweave/core"
)

const (
	// maxSchemaElements bounds columns and their nested fields. The widest real catalogs, of a hundred
	// collections, have some tens of thousands.
	maxSchemaElements = 50_000
	maxFooterBytes    = 512 << 20
)

// checkFooter refuses a file that is cut short, is no parquet, or has absurdly many columns, before
// DuckDB spends time or memory on it.
func checkFooter(path string) error {
	bad := func(format string, args ...any) error {
		return core.Errorf(core.SearchError, "CatalogError", "%s: "+format, append([]any{path}, args...)...)
	}
	f, err := os.Open(path)
	if err != nil {
		return pathError(path, err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return bad("cannot be read: %w", err)
	}
	var tail [8]byte
	if size < 12 {
		return bad("is no parquet file: it has %d bytes", size)
	}
	if _, err := f.ReadAt(tail[:], size-8); err != nil {
		return bad("cannot be read: %w", err)
	}
	switch string(tail[4:]) {
	case "PAR1":
	case "PARE":
		return bad("is an encrypted parquet file")
	default:
		var head [4]byte
		if _, err := f.ReadAt(head[:], 0); err == nil && string(head[:]) == "PAR1" {
			return bad("is a truncated parquet file: it does not end with PAR1")
		}
		return bad("is no parquet file: it does not end with PAR1")
	}
	length := footerLength(tail[:])
	if length > size-12 || length > maxFooterBytes {
		return bad("is a corrupt parquet file: its footer claims %d of %d bytes", length, size)
	}
	head := make([]byte, min(length, 32))
	if _, err := f.ReadAt(head, size-8-length); err != nil {
		return bad("cannot be read: %w", err)
	}
	elements, ok := schemaElements(head)
	switch {
	case !ok:
		return bad("is a corrupt parquet file: its footer does not begin with a schema")
	case elements > maxSchemaElements:
		return bad("has %d columns and nested fields, more than %d", elements, maxSchemaElements)
	}
	return nil
}

// footerLength reads the last eight bytes of a file.
func footerLength(tail []byte) int64 { return int64(binary.LittleEndian.Uint32(tail)) }

// schemaElements reads the length of the schema list from the start of a footer, which is Thrift's
// compact encoding of: 1: i32 version, 2: list<SchemaElement> schema, ...
func schemaElements(footer []byte) (n uint64, ok bool) {
	const versionField, schemaField, listOfStruct = 0x15, 0x19, 0x0c
	if len(footer) < 4 || footer[0] != versionField {
		return 0, false
	}
	_, used := binary.Uvarint(footer[1:])
	if used <= 0 {
		return 0, false
	}
	rest := footer[1+used:]
	if len(rest) < 2 || rest[0] != schemaField || rest[1]&0x0f != listOfStruct {
		return 0, false
	}
	if n = uint64(rest[1] >> 4); n < 15 {
		return n, true
	}
	n, used = binary.Uvarint(rest[2:])
	return n, used > 0
}
